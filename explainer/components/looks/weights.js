// The weights of the picture under the pointer: of one token and of the pins, in the chosen head or all of them.

import { sureText, valueText } from "../drawing/numbers.js";

/** The largest weight on a patch: the class token has no place on the image, and would often outshine it. */
function largestOnPatches(data, start, tokens) {
  let largest = 0;
  for (let i = start + 1; i < start + tokens; i++) if (data[i] > largest) largest = data[i];
  return largest;
}

/** The places of the `count` largest of data[start .. start + tokens). */
export function strongest(data, start, tokens, count, isAllowed = (_place) => true) {
  const best = [];
  for (let i = 0; i < tokens; i++) {
    if (best.length === count && data[start + i] <= data[start + best[count - 1]]) continue;
    if (!isAllowed(i)) continue;
    let place = best.length;
    while (place && data[start + best[place - 1]] < data[start + i]) place--;
    best.splice(place, 0, i);
    if (best.length > count) best.pop();
  }
  return best;
}

export class LooksWeights {
  /** `fetched` is called when weights have come that were not here. */
  constructor(state, host, fetched) {
    this.state = state;
    this.host = host;
    this.fetched = fetched;
    /** @type {any} */
    this.values = null; // of the token under the pointer; null while they are fetched
  }

  take(panel) {
    this.layers = panel.layers;
    this.roots = panel.weights;
    this.heads = panel.weights.heads;
    this.tokens = panel.weights.tokens;
  }

  get firstMap() {
    return this.layers.indexOf(this.state.layer) * this.heads;
  }

  /** The row and column of a token: of the chosen head or the mean, and of all heads below each other. */
  weightsOf(token, into = {}) {
    if (!this.roots.has(token)) return null;
    for (const direction of ["row", "column"]) {
      const { heads, tokens } = this;
      const values = (into[direction] ??= { heads: new Float32Array(heads * tokens), mean: new Float32Array(tokens) });
      for (let head = 0; head < heads; head++)
        this.roots[direction](this.firstMap + head, token, values.heads, head * tokens);
      if (this.state.ofHead) {
        values.chosen = values.heads.subarray((this.state.ofHead - 1) * tokens, this.state.ofHead * tokens);
        continue;
      }
      values.mean.fill(0);
      for (let i = 0; i < heads * tokens; i++) values.mean[i % tokens] += values.heads[i] / heads;
      values.chosen = values.mean;
    }
    return into;
  }

  /** What the token under the pointer has, now or when it has been fetched. */
  read() {
    if (this.roots.has(this.state.token)) {
      const fits = this.own?.row.mean.length === this.tokens && this.own.row.heads.length === this.heads * this.tokens;
      this.values = this.own = this.weightsOf(this.state.token, fits ? this.own : {});
    } else {
      this.values = null;
      this.fetch(this.state.token);
    }
    for (const pin of this.state.pins) {
      if (pin.values && pin.ofHead === this.state.ofHead) continue;
      pin.values = this.weightsOf(pin.token, pin.values ?? {});
      pin.ofHead = this.state.ofHead;
      if (!pin.values) this.fetch(pin.token);
    }
    this.common = this.state.scale === "shared" ? this.largest() : 0;
  }

  fetch(token) {
    this.roots.fetch(token, this.host.options.load).then(
      (wasFetched) => {
        if (!wasFetched || (token !== this.state.token && !this.state.pinOf(token))) return;
        this.fetched();
      },
      () => this.host.explain("These weights could not be loaded. Check the connection, then load the page again."),
    );
  }

  /** The largest weight on a patch in all maps that are shown. */
  largest() {
    const entries = [this.values, ...this.state.pins.map((pin) => pin.values)].filter(Boolean);
    let largest = 0;
    for (const entry of entries) {
      for (const direction of this.state.directions) {
        const { heads, chosen } = entry[direction];
        largest = Math.max(largest, largestOnPatches(chosen, 0, this.tokens));
        for (let head = 0; head < this.heads && this.state.showsAll; head++)
          largest = Math.max(largest, largestOnPatches(heads, head * this.tokens, this.tokens));
      }
    }
    return largest;
  }

  /** Where the scale of a map ends. */
  high(data, start) {
    return this.state.scale === "shared" ? this.common : largestOnPatches(data, start, this.tokens);
  }

  /** All of A in the chosen head, or the mean of all. */
  wholeMap() {
    const all = new Float32Array(this.tokens ** 2);
    const row = new Float32Array(this.tokens);
    const heads = this.state.ofHead ? [this.state.ofHead - 1] : Array.from({ length: this.heads }, (_, head) => head);
    for (const head of heads) {
      for (let token = 0; token < this.tokens; token++) {
        this.roots.row(this.firstMap + head, token, row);
        for (let i = 0; i < this.tokens; i++) all[token * this.tokens + i] += row[i] / heads.length;
      }
    }
    return all;
  }

  /** How far a weight that `query` gives in the chosen head, or on average, may be off. */
  uncertainty(value, query) {
    if (this.state.ofHead) return this.roots.uncertainty(this.firstMap + this.state.ofHead - 1, query, value);
    let sum = 0;
    for (let head = 0; head < this.heads; head++) sum += this.roots.uncertainty(this.firstMap + head, query, value);
    return sum / this.heads;
  }

  /** A weight with how far it may be off. */
  weightText(value, query) {
    return valueText(value, this.uncertainty(value, query));
  }

  /** A weight with the digits that are sure. */
  shortWeight(value, query) {
    return sureText(value, this.uncertainty(value, query));
  }

  partner(direction) {
    const values = this.values[direction].chosen;
    const [best] = strongest(values, 0, this.tokens, 1);
    return { best, text: this.weightText(values[best], direction === "row" ? this.state.token : best) };
  }
}
