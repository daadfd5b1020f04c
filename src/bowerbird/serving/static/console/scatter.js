// Many points on a plane: WebGL2 draws them, a canvas above it what is marked. No library: what is needed of
// one is these two shaders.

import { gestures } from "./gestures.js";

const VERTEX = `#version 300 es
in vec2 now;
in vec2 before;
in uint code;
uniform vec2 middle;
uniform vec2 stretch;
uniform float part;
uniform float size;
uniform sampler2D palette;
flat out vec4 colour;
void main() {
  colour = texelFetch(palette, ivec2(int(code), 0), 0);
  gl_Position = vec4((mix(before, now, part) - middle) * stretch, 0.0, 1.0);
  gl_PointSize = size;
}`;
const FRAGMENT = `#version 300 es
precision highp float;
flat in vec4 colour;
out vec4 drawn;
uniform float size;
void main() {
  float far = length(gl_PointCoord - 0.5) * size;
  float cover = clamp(size * 0.5 - far + 0.5, 0.0, 1.0);
  if (cover * colour.a < 0.004) discard;
  drawn = vec4(colour.rgb, 1.0) * colour.a * cover;
}`;
const MOVING_MS = 30; // that a frame may take while it is moved; the rest is drawn when it stands still
const STILL_MS = 140;
const NOWHERE = 3e7; // no place: far outside of whatever is looked at
const CLOSE = 14; // pixels from a point that still mean it
const MOST_ZOOM = 4000;

/** A picture of points in `root`; `on.picked(row)`, `on.pointed(row, x, y)` and `on.moved()` are told. */
export function scatter(root, on) {
  const canvas = document.createElement("canvas");
  const above = document.createElement("canvas");
  root.replaceChildren(canvas, above);
  const state = { n: 0, now: null, before: null, part: 1, codes: null, palette: null, marks: {},
    camera: { x: 0, y: 0, scale: 1 }, whole: { x: 0, y: 0, scale: 1 }, width: 0, height: 0, ratio: 1, due: false,
    still: null, most: Infinity, timed: 0, order: null };
  let drawing = null;
  const begin = () => { drawing = started(canvas); if (drawing && state.now) refill(drawing, state); };
  begin();
  const draw = (moving = false) => {
    state.due = false;
    if (!drawing || !state.width) return;
    painted(drawing, state, moving ? Math.min(state.n, state.most) : state.n);
    marked(above.getContext("2d"), state);
  };
  const later = () => {
    if (!state.due) requestAnimationFrame(() => draw(state.still !== null));
    state.due = true;
  };
  const turned = () => {
    clearTimeout(state.still);
    state.still = setTimeout(() => { state.still = null; later(); }, STILL_MS);
    later();
    on.moved?.();
  };
  canvas.addEventListener("webglcontextlost", (event) => { event.preventDefault(); drawing = null; });
  canvas.addEventListener("webglcontextrestored", () => { begin(); later(); });
  new ResizeObserver(() => {
    const unseen = !state.width;
    sized(state, root, [canvas, above]);
    if (unseen && state.now) fit(state);
    draw(); // at once: a canvas that is sized is empty
  }).observe(root);
  gestures(root, {
    pan: (x, y) => { state.camera.x -= x / state.camera.scale; state.camera.y += y / state.camera.scale; turned(); },
    zoom: (by, x, y) => { zoomed(state, by, x, y); turned(); },
    fit: () => { fit(state); turned(); },
    pick: (x, y) => on.picked(nearest(state, x ?? state.width / 2, y ?? state.height / 2, x === undefined ? Infinity : CLOSE)),
    point: (x, y) => on.pointed(x === undefined ? -1 : nearest(state, x, y, CLOSE), x, y),
  });
  return { supported: drawing !== null, state, draw, ...changes(state, () => drawing, later, turned) };
}

/** What a view may change. */
function changes(state, drawing, later, turned) {
  return {
    /** Places of all rows, x and y in turn; NaN: none. */
    show(places) {
      state.now = whole(places);
      [state.n, state.before, state.part] = [places.length / 2, state.now, 1];
      [state.order, state.most, state.timed] = [shuffled(state.n), Infinity, 0];
      bounds(state, places);
      fit(state);
      if (drawing()) refill(drawing(), state);
      turned();
    },
    /** Where they were: `part` 0 draws these, 1 those of now. Rows that were nowhere stay where they are. */
    against(places) {
      state.before = places ? whole(places, state.now) : state.now;
      if (drawing()) refill(drawing(), state);
      later();
    },
    at(part) { state.part = part; turned(); },
    /** A code for each row, and the colour of each code: red, green, blue, opacity, 0 to 255. */
    colour(codes, palette) {
      state.codes = codes;
      state.palette = palette;
      if (drawing()) recolour(drawing(), state);
      later();
    },
    /** What stands out: {chosen, near, found, way, place}, rows but for the place; and its colours. */
    mark(marks) { Object.assign(state.marks, marks); later(); },
    go(row) { if (went(state, row)) turned(); },
    zoom(by) { zoomed(state, by, state.width / 2, state.height / 2); turned(); },
    fit() { fit(state); turned(); },
  };
}

function shader(gl, kind, text) {
  const made = gl.createShader(kind);
  gl.shaderSource(made, text);
  gl.compileShader(made);
  return made;
}

/** Ready to draw; null where there is no WebGL2. */
function started(canvas) {
  const gl = canvas.getContext("webgl2", { antialias: false, alpha: true, powerPreference: "high-performance" });
  if (!gl || gl.isContextLost()) return null;
  const program = gl.createProgram();
  gl.attachShader(program, shader(gl, gl.VERTEX_SHADER, VERTEX));
  gl.attachShader(program, shader(gl, gl.FRAGMENT_SHADER, FRAGMENT));
  ["now", "before", "code"].forEach((name, at) => gl.bindAttribLocation(program, at, name));
  gl.linkProgram(program);
  if (!gl.getProgramParameter(program, gl.LINK_STATUS)) return null;
  gl.useProgram(program);
  gl.enable(gl.BLEND);
  gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
  gl.bindTexture(gl.TEXTURE_2D, gl.createTexture());
  gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.NEAREST);
  gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, gl.NEAREST);
  const names = ["middle", "stretch", "part", "size"];
  return { gl, buffers: [0, 1, 2].map(() => gl.createBuffer()),
    at: Object.fromEntries(names.map((name) => [name, gl.getUniformLocation(program, name)])) };
}

function refill(drawing, state) {
  const { gl, buffers } = drawing;
  [state.now, state.before].forEach((places, at) => {
    const drawn = new Float32Array(2 * state.n);
    state.order.forEach((row, n) => { drawn[2 * n] = places[2 * row]; drawn[2 * n + 1] = places[2 * row + 1]; });
    gl.bindBuffer(gl.ARRAY_BUFFER, buffers[at]);
    gl.bufferData(gl.ARRAY_BUFFER, drawn, gl.STATIC_DRAW);
    gl.enableVertexAttribArray(at);
    gl.vertexAttribPointer(at, 2, gl.FLOAT, false, 0, 0);
  });
  recolour(drawing, state);
}

function recolour({ gl, buffers }, state) {
  const codes = new Uint8Array(state.n).fill(255);
  if (state.codes) state.order?.forEach((row, n) => { codes[n] = state.codes[row] ?? 255; });
  gl.bindBuffer(gl.ARRAY_BUFFER, buffers[2]);
  gl.bufferData(gl.ARRAY_BUFFER, codes, gl.STATIC_DRAW);
  gl.enableVertexAttribArray(2);
  gl.vertexAttribIPointer(2, 1, gl.UNSIGNED_BYTE, 0, 0);
  const palette = state.palette ?? new Uint8Array(1024).fill(128);
  gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, 256, 1, 0, gl.RGBA, gl.UNSIGNED_BYTE, palette);
}

/** The fewer there are to be seen, the larger each is. */
function sizeOf({ n, camera, whole: all }) {
  const base = Math.max(2, Math.min(7, 420 / Math.sqrt(Math.max(n, 1))));
  return Math.min(12, base * (camera.scale / all.scale) ** 0.3);
}

/** The first `n` of all, which lie in no order: any number of them is a fair picture. */
function painted({ gl, at }, state, n) {
  const { camera, width, height, ratio } = state;
  gl.viewport(0, 0, gl.drawingBufferWidth, gl.drawingBufferHeight);
  gl.clearColor(0, 0, 0, 0);
  gl.clear(gl.COLOR_BUFFER_BIT);
  gl.uniform2f(at.middle, camera.x, camera.y);
  gl.uniform2f(at.stretch, (2 * camera.scale) / width, (2 * camera.scale) / height);
  gl.uniform1f(at.part, state.part);
  gl.uniform1f(at.size, sizeOf(state) * ratio);
  const timed = n === state.n && state.timed < 2 && n > 0; // how much this machine can draw
  const began = performance.now();
  gl.drawArrays(gl.POINTS, 0, n);
  if (!timed) return;
  gl.readPixels(0, 0, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, new Uint8Array(4)); // now it is drawn
  const most = Math.max(5000, (n * MOVING_MS) / (performance.now() - began));
  state.most = state.timed ? Math.max(most, state.most) : most; // the first one takes longer
  state.timed += 1;
}

/** All rows in an order that means nothing, and is the same each time. */
function shuffled(n) {
  const order = Uint32Array.from({ length: n }, (_, row) => row);
  let drawn = 1;
  for (let at = n - 1; at > 0; at -= 1) {
    drawn = (drawn * 48271) % 2147483647;
    const other = drawn % (at + 1);
    [order[at], order[other]] = [order[other], order[at]];
  }
  return order;
}

/** With a number where there is no place: of another map, or of nowhere. */
function whole(places, other = null) {
  return places.map((value, n) => (Number.isFinite(value) ? value : other ? other[n] : NOWHERE));
}

/** The frame that holds all but the outermost of a thousand. */
function bounds(state, places) {
  const ends = [0, 1].map((axis) => {
    const values = places.filter((value, n) => n % 2 === axis && Number.isFinite(value)).sort();
    const out = Math.floor(values.length / 1000);
    return values.length ? [values[out], values[values.length - 1 - out]] : [-1, 1];
  });
  const [[left, right], [low, high]] = ends;
  state.frame = { x: (left + right) / 2, y: (low + high) / 2, wide: right - left || 1, high: high - low || 1 };
}

function fit(state) {
  const { x, y, wide, high } = state.frame ?? { x: 0, y: 0, wide: 1, high: 1 };
  const scale = 0.92 * Math.min((state.width || 1) / wide, (state.height || 1) / high);
  state.whole = { x, y, scale };
  state.camera = { ...state.whole };
}

function sized(state, root, canvases) {
  const kept = state.camera.scale / state.whole.scale;
  [state.width, state.height] = [root.clientWidth, root.clientHeight];
  state.ratio = Math.min(devicePixelRatio || 1, 2);
  for (const one of canvases) {
    one.width = Math.round(state.width * state.ratio);
    one.height = Math.round(state.height * state.ratio);
  }
  if (!state.frame) return;
  const { x, y } = state.camera;
  fit(state);
  if (kept !== 1) state.camera = { x, y, scale: state.whole.scale * kept };
}

function zoomed(state, by, x, y) {
  const { camera, width, height, whole: all } = state;
  const scale = Math.max(all.scale / 4, Math.min(all.scale * MOST_ZOOM, camera.scale * by));
  const [right, up] = [x - width / 2, height / 2 - y];
  camera.x += right / camera.scale - right / scale;
  camera.y += up / camera.scale - up / scale;
  camera.scale = scale;
}

/** Where a row is now, in pixels; null: nowhere. */
export function placed({ now, before, part, camera, width, height }, row) {
  if (!now || row < 0 || now[2 * row] === NOWHERE || 2 * row >= now.length) return null;
  const at = (n) => before[n] + part * (now[n] - before[n]);
  return seen({ camera, width, height }, [at(2 * row), at(2 * row + 1)]);
}

const seen = ({ camera, width, height }, [x, y]) => [
  width / 2 + (x - camera.x) * camera.scale, height / 2 - (y - camera.y) * camera.scale];

function went(state, row) {
  const at = placed(state, row);
  if (!at) return false;
  const { camera, width, height, whole: all } = state;
  camera.x += (at[0] - width / 2) / camera.scale;
  camera.y -= (at[1] - height / 2) / camera.scale;
  camera.scale = Math.max(camera.scale, all.scale * 4);
  return true;
}

/** The row nearest to a pixel, at most so far from it; -1: none. A look at all is a millisecond. */
function nearest(state, x, y, most) {
  const { n, now, before, part, camera, width, height, codes, palette } = state;
  if (!now) return -1;
  const [right, up] = [camera.x + (x - width / 2) / camera.scale, camera.y + (height / 2 - y) / camera.scale];
  let [best, least] = [-1, (most / camera.scale) ** 2];
  for (let row = 0; row < n; row += 1) {
    const across = before[2 * row] + part * (now[2 * row] - before[2 * row]) - right;
    const far = across * across;
    if (far >= least) continue;
    const along = before[2 * row + 1] + part * (now[2 * row + 1] - before[2 * row + 1]) - up;
    if (far + along * along >= least || now[2 * row] === NOWHERE) continue;
    if (codes && palette && palette[4 * codes[row] + 3] < 60) continue; // faded: not meant
    [best, least] = [row, far + along * along];
  }
  return best;
}

const FULL = 2 * Math.PI;

/** What stands out, above all points. */
function marked(pen, state) {
  const { marks, ratio, width, height } = state;
  const style = marks.style ?? { ink: "#000", card: "#fff", blue: "#0067a3" };
  const any = marks.chosen >= 0 || marks.cross || marks.place || marks.found?.length || marks.way?.length;
  if (!any && !state.dirty) return; // a canvas that is touched is drawn anew
  state.dirty = any;
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, width, height);
  const at = (row) => placed(state, row);
  const ring = (place, size, colour, line = 2) => {
    for (const [stroke, more] of [[style.card, 2.5], [colour, 0]]) {
      pen.beginPath();
      pen.arc(...place, size, 0, FULL);
      pen.lineWidth = line + more;
      pen.strokeStyle = stroke;
      pen.stroke();
    }
  };
  const chosen = marks.chosen === undefined ? null : at(marks.chosen);
  if (chosen) spokes(pen, chosen, (marks.near ?? []).map(at).filter(Boolean), style);
  for (const row of marks.found ?? []) if (at(row)) ring(at(row), 6, style.ink, 1.5);
  for (const row of marks.near ?? []) if (at(row)) ring(at(row), 6, style.blue);
  if (marks.way?.length) way(pen, marks.way.map(at), style);
  if (chosen) ring(chosen, 9, style.blue, 3);
  if (marks.place) star(pen, seen(state, marks.place), style);
  if (marks.cross) cross(pen, width / 2, height / 2, style);
}

function spokes(pen, from, all, style) {
  pen.lineWidth = 1.2;
  pen.strokeStyle = style.blue;
  pen.beginPath();
  for (const to of all) { pen.moveTo(...from); pen.lineTo(...to); }
  pen.stroke();
}

/** Stops in their order; what was long ago is paler. */
function way(pen, places, style) {
  const stops = places.map((place, n) => [place, n + 1]).filter(([place]) => place);
  for (let n = 1; n < stops.length; n += 1) {
    pen.globalAlpha = 0.15 + (0.75 * n) / stops.length;
    pen.beginPath();
    pen.moveTo(...stops[n - 1][0]);
    pen.lineTo(...stops[n][0]);
    [pen.strokeStyle, pen.lineWidth] = [style.ink, 1.4];
    pen.stroke();
  }
  pen.globalAlpha = 1;
  pen.textAlign = "center";
  pen.textBaseline = "middle";
  pen.font = "600 10px system-ui, sans-serif";
  for (const [place, number] of stops) {
    pen.beginPath();
    pen.arc(...place, 9, 0, FULL);
    pen.fillStyle = style.ink;
    pen.fill();
    pen.fillStyle = style.card;
    pen.fillText(number, ...place);
  }
}

/** Where somebody is. */
function star(pen, [x, y], style) {
  pen.beginPath();
  for (let n = 0; n < 10; n += 1) {
    const [far, turn] = [n % 2 ? 5.5 : 13, (n * Math.PI) / 5];
    pen.lineTo(x + far * Math.sin(turn), y - far * Math.cos(turn));
  }
  pen.closePath();
  pen.fillStyle = style.blue;
  pen.fill();
  [pen.strokeStyle, pen.lineWidth] = [style.card, 2];
  pen.stroke();
}

function cross(pen, x, y, style) {
  pen.beginPath();
  for (const [across, along] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
    pen.moveTo(x + 5 * across, y + 5 * along);
    pen.lineTo(x + 13 * across, y + 13 * along);
  }
  [pen.strokeStyle, pen.lineWidth] = [style.ink, 1.5];
  pen.stroke();
}
