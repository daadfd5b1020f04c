// Moving about on a plane: dragging, pinching, the wheel, and keys.

const DRAGGED = 5; // pixels until a press is no click
const KEYS = { ArrowLeft: [60, 0], ArrowRight: [-60, 0], ArrowUp: [0, 60], ArrowDown: [0, -60] };

/** `on` is told: pan(x, y), zoom(by, x, y), fit(), pick(x, y), point(x, y); pick and point of nowhere by keys. */
export function gestures(root, on) {
  const fingers = new Map();
  let gone = 0; // pixels since the press
  const at = (event) => {
    const box = root.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  const lifted = (event) => {
    if (!fingers.has(event.pointerId)) return;
    fingers.delete(event.pointerId);
    root.classList.toggle("held", fingers.size > 0);
    if (event.type === "pointerup" && !fingers.size && gone < DRAGGED) on.pick(...at(event));
  };
  root.addEventListener("pointerdown", (event) => {
    if (event.button > 0) return;
    if (!fingers.size) gone = 0;
    fingers.set(event.pointerId, at(event));
    root.setPointerCapture(event.pointerId);
  });
  root.addEventListener("pointermove", (event) => {
    const here = at(event);
    const before = fingers.get(event.pointerId);
    if (!before) {
      if (event.pointerType !== "touch") on.point(...here);
      return;
    }
    gone += Math.hypot(here[0] - before[0], here[1] - before[1]);
    if (gone < DRAGGED) return;
    root.classList.add("held");
    moved(fingers, event.pointerId, here, on);
  });
  root.addEventListener("pointerup", lifted);
  root.addEventListener("pointercancel", lifted);
  root.addEventListener("pointerleave", () => on.point());
  root.addEventListener("wheel", (event) => {
    event.preventDefault();
    const lines = event.deltaMode === 1 ? 16 : 1;
    on.zoom(2 ** (-Math.max(-240, Math.min(240, event.deltaY * lines)) / 240), ...at(event));
  }, { passive: false });
  root.addEventListener("keydown", (event) => keyed(event, root, on));
}

/** One finger moves the plane, two stretch it as well. */
function moved(fingers, id, here, on) {
  const before = fingers.get(id);
  const other = [...fingers].find(([one]) => one !== id)?.[1];
  const parts = other ? 2 : 1; // each of two moves half of it
  on.pan((here[0] - before[0]) / parts, (here[1] - before[1]) / parts);
  if (other) {
    const [was, is] = [before, here].map((one) => Math.hypot(one[0] - other[0], one[1] - other[1]));
    on.zoom(is / Math.max(was, 1), (here[0] + other[0]) / 2, (here[1] + other[1]) / 2);
  }
  fingers.set(id, here);
}

function keyed(event, root, on) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target !== root) return;
  const [wide, high] = [root.clientWidth / 2, root.clientHeight / 2];
  if (KEYS[event.key]) on.pan(...KEYS[event.key]);
  else if (event.key === "+" || event.key === "=") on.zoom(1.5, wide, high);
  else if (event.key === "-") on.zoom(1 / 1.5, wide, high);
  else if (event.key === "0") on.fit();
  else if (event.key === "Enter") on.pick();
  else return;
  event.preventDefault();
}
