// The picture under the pointer as a kind of panel: its frame does what other kinds leave to functions of cells.

import { exactText } from "../drawing/numbers.js";
import { LooksFrame } from "./frame.js";

export const LOOKS = {
  frame: LooksFrame,
  applies() {},
  /** The row and column of the chosen token in every head of the layer. */
  table(panel) {
    const { heads, tokens } = panel.weights;
    const { token, layer } = panel.live ?? panel;
    const [row, column] = [new Float32Array(tokens), new Float32Array(tokens)];
    const first = panel.layers.indexOf(layer) * heads;
    const lines = [];
    for (let head = 0; head < heads; head++) {
      if (!panel.weights.has(token)) break;
      panel.weights.row(first + head, token, row);
      panel.weights.column(first + head, token, column);
      for (let i = 0; i < tokens; i++) {
        const given = exactText(row[i], panel.weights.uncertainty(first + head, token, row[i]));
        const got = exactText(column[i], panel.weights.uncertainty(first + head, i, column[i]));
        lines.push([layer, head + 1, token, i, given, got]);
      }
    }
    return [["layer", "head", "token", "other token", "weight on the other", "weight from the other"], ...lines];
  },
};
