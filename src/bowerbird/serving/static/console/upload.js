// A file on its way to the server, in pieces: what is there already does not go again.

import { Fault, ask } from "./api.js";

const PIECE = 8 * 1024 * 1024;
const WAIT_MS = 2000;
const KNOWN = ["csv", "tsv", "parquet", "jsonl", "ndjson"];

/** Where an import is. */
export const path = (name) => `/v1/imports/${encodeURIComponent(name)}`;

/** Bytes as people say them. */
export function size(bytes) {
  const units = ["bytes", "kB", "MB", "GB"];
  let at = 0;
  for (; bytes >= 1000 && at < units.length - 1; at += 1) bytes /= 1000;
  return `${at && bytes < 100 ? bytes.toFixed(1) : Math.round(bytes)} ${units[at]}`;
}

/** A name of an import, of a name of a file. */
export function slug(called) {
  const plain = called.replace(/\.[^.]*$/, "").normalize("NFKD").replace(/\p{M}/gu, "")
    .toLowerCase().replace(/[^a-z0-9]+/g, "-");
  return plain.replace(/^-+|-+$/g, "").slice(0, 40) || "my-data";
}

/** Send it, all of it. While the server is away it waits, and goes on. */
export async function bring(at, table, file, progress) {
  const ending = file.name.toLowerCase().split(".").pop();
  const name = `${table}.${KNOWN.includes(ending) ? ending : "csv"}`;
  const to = `${at}/${name}?called=${encodeURIComponent(file.name.slice(0, 200))}`;
  let here = null; // bytes that are there; null: it has to be asked
  for (;;) {
    try {
      here ??= await known(at, name, file);
      progress({ size: here, waits: false });
      const piece = file.slice(here, here + PIECE);
      const headers = file.size ? { "Content-Range": `bytes ${here}-${here + piece.size - 1}/${file.size}` } : {};
      const told = await ask(to, { method: "PUT", body: piece, headers });
      if (told.whole) return;
      here = told.size;
    } catch (fault) {
      const elsewhere = fault.status === 409 && /^byte \d/.test(fault.detail);
      if (!(fault instanceof Fault && (fault.offline || elsewhere))) throw fault;
      here = null;
      progress({ waits: true });
      await new Promise((done) => setTimeout(done, WAIT_MS));
    }
  }
}

/** How much of this very file is there. */
async function known(at, name, { size: total, name: called }) {
  const { imports } = await ask("/v1/imports");
  const one = imports.find((each) => path(each.name) === at)?.files.find(({ file }) => file === name);
  return one && !one.whole && one.total === total && one.called === called ? one.size : 0;
}
