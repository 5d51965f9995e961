// What a panel shows as files: its table as text, its numbers as they are.

import { element } from "../drawing/element.js";
import { plainText } from "../drawing/text.js";

/** A table as a panel's kind makes it, with commas between its cells. */
export function csvOf(lines) {
  const quoted = (text) => (/[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  return lines.map((row) => `${row.map((cell) => quoted(plainText(cell))).join(",")}\n`).join("");
}

/** One array for NumPy: {shape, data}, its numbers row by row. */
export function npyOf({ shape, data }) {
  const sizes = shape.map((size) => `${size},`).join(" ");
  const type = data instanceof Float32Array ? "<f4" : "|u1";
  const text = `{'descr': '${type}', 'fortran_order': False, 'shape': (${sizes}), }`;
  const head = `\x93NUMPY\x01\x00\x00\x00${text.padEnd(64 * Math.ceil((text.length + 11) / 64) - 11)}\n`;
  const bytes = Uint8Array.from(head, (letter) => letter.charCodeAt(0));
  new DataView(bytes.buffer).setUint16(8, bytes.length - 10, true);
  return new Blob([bytes, data]);
}

/** Arrays [name, {shape, data}] and what is to be known of them, as a safetensors file has it. */
export function safetensorsOf(arrays, facts) {
  const header = { __metadata__: facts };
  let end = 0;
  for (const [name, { shape, data }] of arrays) {
    let own = plainText(name);
    for (let again = 2; own in header; again++) own = `${plainText(name)} (${again})`;
    const dtype = data instanceof Float32Array ? "F32" : "U8";
    header[own] = { dtype, shape, data_offsets: [end, (end += data.byteLength)] };
  }
  const text = new TextEncoder().encode(JSON.stringify(header));
  const head = new Uint8Array(8 * Math.ceil(text.length / 8) + 8).fill(32); // what follows starts at a multiple of 8
  head.set(text, 8);
  new DataView(head.buffer).setBigUint64(0, BigInt(head.length - 8), true);
  return new Blob([head, ...arrays.map(([, { data }]) => data)]);
}

/** A file name in ASCII: letters as they are spelled (z₀ is z0), everything else a hyphen. */
export const slug = (text) =>
  text
    .normalize("NFKD")
    .replace(/\p{M}/gu, "")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-|-$/g, "") || "panel";

export function save(blob, name) {
  const link = element("a", "", { download: name });
  link.href = URL.createObjectURL(blob);
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}
