// Attention of layers and heads, as it travels (quantise_roots in explainer/packing.py): read row by row, never all.

import { clamp } from "./numbers.js";

export const STEPS = 255;

const SQUARES = Float32Array.from({ length: STEPS + 1 }, (_, code) => (code / STEPS) ** 2);
const chunks = new Map(); // digest -> codes of some rows or columns of a large layer
const MOST_CHUNKS = 128;

/** A of some layers: `row` and `column` write the weights of one token in one map, a layer's head. */
export class Roots {
  /** @param {any} place */
  constructor({ shape, at, ranges, digest, rows, columns, step, exact }, buffers, kept) {
    this.layers = shape[0];
    this.heads = shape[1];
    this.tokens = shape[2];
    this.shape = shape;
    this.name = exact; // by which its own values are to be had
    const lines = this.layers * this.heads * this.tokens;
    this.ranges = new Float32Array();
    this.names = { row: [], column: [] }; // of the chunks in which a large layer travels
    this.step = step;
    if (!buffers && !kept) return; // see NoRoots
    if (digest) {
      const raw = kept.get(digest);
      this.ranges = new Float32Array(raw.slice(0, 8 * lines).buffer);
      this.codes = rows ? null : raw.subarray(8 * lines);
    } else {
      this.ranges = new Float32Array(buffers, ranges, 2 * lines);
      this.codes = new Uint8Array(buffers, at, lines * this.tokens);
    }
    this.names = { row: rows, column: columns };
  }

  chunk(direction, token) {
    return chunks.get(this.names[direction][Math.floor(token / this.step)]);
  }

  /** Whether the row and the column of a token are here. */
  has(token) {
    return Boolean(this.codes || (this.chunk("row", token) && this.chunk("column", token)));
  }

  /** Bring the row and the column of a token here; whether they had to be fetched. */
  async fetch(token, load) {
    if (this.has(token)) return false;
    const names = ["row", "column"].map((direction) => this.names[direction][Math.floor(token / this.step)]);
    const fetched = await Promise.all(names.map((name) => chunks.get(name) ?? load(name)));
    names.forEach((name, i) => chunks.set(name, fetched[i]));
    while (chunks.size > MOST_CHUNKS) chunks.delete(chunks.keys().next().value);
    return true;
  }

  /** Where the codes of a row or column begin in its chunk. */
  start(chunk, map, token) {
    const size = chunk.length / (this.layers * this.heads * this.tokens);
    return (map * size + (token % this.step)) * this.tokens;
  }

  /** The weights that `token` gives to all tokens, into `out` from `at` on. */
  row(map, token, out, at = 0) {
    const { tokens, ranges } = this;
    const line = map * tokens + token;
    const codes = this.codes ?? this.chunk("row", token);
    const start = this.codes ? line * tokens : this.start(codes, map, token);
    const low = ranges[2 * line];
    const span = ranges[2 * line + 1] - low;
    for (let i = 0; i < tokens; i++) out[at + i] = low + SQUARES[codes[start + i]] * span;
  }

  /** The weights that all tokens give to `token`. */
  column(map, token, out, at = 0) {
    const { tokens, ranges } = this;
    const codes = this.codes ?? this.chunk("column", token);
    const [start, stride] = this.codes ? [map * tokens * tokens + token, tokens] : [this.start(codes, map, token), 1];
    for (let i = 0; i < tokens; i++) {
      const line = map * tokens + i;
      const low = ranges[2 * line];
      out[at + i] = low + SQUARES[codes[start + i * stride]] * (ranges[2 * line + 1] - low);
    }
  }

  /** How far a weight of a query's row may be from what was sent: half a step of its root. */
  uncertainty(map, query, value) {
    const line = map * this.tokens + query;
    const low = this.ranges[2 * line];
    const span = this.ranges[2 * line + 1] - low;
    if (!(span > 0)) return 0;
    const half = 0.5 / STEPS;
    return span * (2 * Math.sqrt(clamp((value - low) / span, 0, 1)) * half + half * half);
  }
}

/** The model's own weights of one token: its rows and its columns in all maps (exact_bytes in explainer/packing.py). */
export class ExactToken extends Roots {
  constructor({ shape }, token, raw) {
    super({ shape }, null, null);
    this.token = token;
    this.values = new Float32Array(raw.slice().buffer);
  }

  has(token) {
    return token === this.token;
  }

  row(map, token, out, at = 0) {
    out.set(this.values.subarray(map * this.tokens, (map + 1) * this.tokens), at);
  }

  column(map, token, out, at = 0) {
    this.row(map + this.layers * this.heads, token, out, at);
  }

  uncertainty() {
    return 0;
  }
}

/** A whose numbers are not here: all 0. */
export class NoRoots extends Roots {
  constructor({ shape }) {
    super({ shape }, null, null);
  }

  has() {
    return true;
  }

  row(map, token, out, at = 0) {
    for (let i = 0; i < this.tokens; i++) out[at + i] = 0;
  }

  column(map, token, out, at = 0) {
    this.row(map, token, out, at);
  }

  uncertainty() {
    return 0;
  }
}
