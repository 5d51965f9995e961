// The picture under the pointer as a kind of panel: its frame does what other kinds leave to functions of cells.

import { exactText } from "../drawing/numbers.js";
import { LooksFrame } from "./frame.js";

/** The chosen token's row and column in every head of the layer, head by head, and the number of the first map. */
function weightsOf({ weights, layers, live, ...panel }) {
  const { token, layer } = live ?? panel;
  const { heads, tokens } = weights;
  const first = layers.indexOf(layer) * heads;
  const [given, got] = [new Float32Array(heads * tokens), new Float32Array(heads * tokens)];
  for (let head = 0; head < heads && weights.has(token); head++) {
    weights.row(first + head, token, given, head * tokens);
    weights.column(first + head, token, got, head * tokens);
  }
  return { layer, token, first, given, got };
}

export const LOOKS = {
  frame: LooksFrame,
  applies() {},
  numbers(panel) {
    const { token, given, got } = weightsOf(panel);
    const shape = [panel.weights.heads, panel.weights.tokens];
    return [
      [`on the others, of token ${token}`, { shape, data: given }],
      [`from the others, on token ${token}`, { shape, data: got }],
    ];
  },
  table(panel) {
    const { weights } = panel;
    const { layer, token, first, given, got } = weightsOf(panel);
    const text = (value, map, query) => exactText(value, weights.uncertainty(map, query, value));
    const line = (value, place) => {
      const [head, i] = [Math.floor(place / weights.tokens), place % weights.tokens];
      const map = first + head;
      return [layer, head + 1, token, i, text(value, map, token), text(got[place], map, i)];
    };
    const lines = weights.has(token) ? Array.from(given, line) : [];
    return [["layer", "head", "token", "other token", "weight on the other", "weight from the other"], ...lines];
  },
};
