// Bytes to a view (the inverse of explainer/packing.py).
//
// explainer/components/__init__.py joins these modules into one, following their imports. No framework, no build step,
// nothing fetched from elsewhere.

import { ExactToken, NoRoots, Roots, STEPS } from "../drawing/roots.js";

const MAGIC = [0x56, 0x49, 0x54, 0x53]; // "VITS"
const VERSION = 1;

/** The header and the raw buffers of packed bytes; `missing` lists the digests of the pictures kept elsewhere. */
export function readHeader(bytes) {
  if (MAGIC.some((byte, i) => bytes[i] !== byte) || bytes[4] !== VERSION) {
    throw new Error("This page and its server are of different versions: load the page again.");
  }
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(5, true);
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(9, 9 + length)));
  const missing = new Set();
  const walk = (value) => {
    if (!value || typeof value !== "object") return;
    if (typeof value.digest === "string" && value.type) missing.add(value.digest);
    else Object.values(value).forEach(walk);
  };
  walk(header.view);
  // Typed arrays need addresses that are multiples of 4; a message from a socket may start anywhere.
  const buffers = bytes.slice(9 + length).buffer;
  return { header, buffers, missing: [...missing] };
}

/** The view with its arrays in place: `kept` maps digests to the bytes fetched for them. Without buffers all are 0. */
export function readView({ header, buffers }, kept) {
  const revive = (value) => {
    if (Array.isArray(value)) return value.map(revive);
    if (!value || typeof value !== "object") return value;
    if (value.type && value.shape) return readArray(value, buffers, kept);
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, revive(item)]));
  };
  return { ...revive(header.view), palette: header.palette, figure: header.figure };
}

/**
 * {shape, data, uncertainty(i)}: what was sent in 255 steps is known to half a step of its row or map; `isRounded` says
 * that it was, and `name` by what name its own values are to be had, if they are.
 */
function readArray(place, buffers, kept) {
  const { type, shape, at, digest, ranges, exact: name } = place;
  if (type === "roots") return buffers ? new Roots(place, buffers, kept) : new NoRoots(place);
  const count = shape.reduce((product, size) => product * size, 1);
  const exact = () => 0;
  const Numbers = type === "uint8" ? Uint8Array : Float32Array;
  if (!buffers) return { shape, data: new Numbers(count), uncertainty: exact };
  if (digest) return { shape, data: kept.get(digest).subarray(0, count), uncertainty: exact };
  if (type === "uint8") return { shape, data: new Uint8Array(buffers, at, count), uncertainty: exact };
  if (type === "float32") return { shape, data: new Float32Array(buffers, at, count), uncertainty: exact };
  const blocks = shape.length > 1 ? shape[0] : 1;
  const size = count / blocks;
  const codes = new Uint8Array(buffers, at, count);
  const lowHigh = new Float32Array(buffers, ranges, 2 * blocks);
  const data = new Float32Array(count);
  for (let block = 0; block < blocks; block++) {
    const low = lowHigh[2 * block];
    const step = (lowHigh[2 * block + 1] - low) / STEPS;
    for (let i = block * size; i < (block + 1) * size; i++) data[i] = low + codes[i] * step;
  }
  const uncertainty = (i) => {
    const block = Math.floor(i / size);
    return (lowHigh[2 * block + 1] - lowHigh[2 * block]) / STEPS / 2;
  };
  return { shape, data, uncertainty, isRounded: true, name };
}

/**
 * A copy of a panel whose arrays hold the model's own values, as far as `load(name, token)` brings them here;
 * `token` is the one whose attention is shown.
 */
export function exactPanel(panel, load, token) {
  const exact = async (value) => {
    if (Array.isArray(value)) return Promise.all(value.map(exact));
    if (value instanceof Roots)
      return value.name && load ? new ExactToken(value, token, await load(value.name, token)) : value;
    if (!value || Object.getPrototypeOf(value) !== Object.prototype) return value;
    if (value.isRounded && value.name && load) {
      const raw = await load(value.name);
      return { shape: value.shape, data: new Float32Array(raw.slice().buffer), uncertainty: () => 0 };
    }
    if (value.data && value.shape) return value;
    const fields = Object.entries(value).map(async ([name, field]) => [name, await exact(field)]);
    return Object.fromEntries(await Promise.all(fields));
  };
  return exact(panel);
}

/** The arrays of a panel whose numbers were rounded to travel. */
function roundedIn(value) {
  if (Array.isArray(value)) return value.flatMap(roundedIn);
  if (value instanceof Roots) return value instanceof ExactToken ? [] : [value];
  if (!value || Object.getPrototypeOf(value) !== Object.prototype) return [];
  if (value.data) return value.isRounded ? [value] : [];
  return Object.values(value).flatMap(roundedIn);
}

/** Whether a panel shows a number that was rounded to travel. */
export const hasRounded = (panel) => roundedIn(panel).length > 0;

/** Whether `exactPanel` can bring all of the model's own values here. */
export const canBeExact = (panel, load) => roundedIn(panel).every((array) => array.name && load);
