// Words for what the picture under the pointer shows; `size` is that of its grid of patches.

export const DIRECTIONS = {
  row: { title: "Where it looks", most: "looks most at" },
  column: { title: "Who looks at it", most: "most looked at by" },
};

/** "class token", or where a patch is. */
export function patchText(token, size) {
  if (token === 0) return "class token";
  return `row ${Math.floor((token - 1) / size) + 1}, column ${((token - 1) % size) + 1}`;
}

/** The token, its strongest partners, and what the pins have to do with it. */
export function tipLines({ state, weights, size }) {
  const name = (token) => patchText(token, size);
  const lines = state.directions.map((direction) => {
    const { best, text } = weights.partner(direction);
    return { text: direction === "row" ? `${text} → ${name(best)}` : `${text} ← ${name(best)}` };
  });
  const others = state.pins.filter((pin) => pin.token !== state.token && pin.values);
  for (const pin of others) {
    const gets = weights.shortWeight(pin.values.row.chosen[state.token], pin.token);
    const gives = weights.shortWeight(pin.values.column.chosen[state.token], state.token);
    const row = `${pin.letter} → here ${gets}`;
    const text = { row, column: `here → ${pin.letter} ${gives}`, both: `${row}, back ${gives}` }[state.direction];
    lines.push({ text, colour: pin.colour });
  }
  return [...lines, { text: `${name(state.token)} · ${headText(state)}` }];
}

export function headText(state) {
  return state.ofHead ? `head ${state.ofHead}` : "mean of all heads";
}

/** The token and what it looks at, or what looks at it, in one sentence. */
export function sentence({ state, weights, size }) {
  const name = (token) => (token ? `patch ${patchText(token, size)}` : "class token");
  const subject = `${name(state.token)}, ${headText(state)}, layer ${state.layer}`;
  if (!weights.values) return `${subject}: being fetched`;
  const parts = state.directions.map((direction) => {
    const { best, text } = weights.partner(direction);
    return `${DIRECTIONS[direction].most} ${name(best)}, weight ${text}`;
  });
  return `${subject}: ${parts.join("; ")}`;
}

/** The name of a weight of A, for the explanation of its number. */
export const weightName = (layer, head, from, to) => `block.attention.weights:${layer}:${head},${from},${to}`;

/** The weight that is read out: of the token and its strongest partner, or of the last pin and the token. */
export function weightRead({ state, weights }) {
  if (!weights.values) return null;
  const direction = state.directions[0];
  const pin = state.pins.findLast((each) => each.token !== state.token && each.values);
  const other = pin ? pin.token : weights.partner(direction).best;
  const [from, to] = (direction === "row") === !pin ? [state.token, other] : [other, state.token];
  const number = weightName(state.layer, state.ofHead ? state.ofHead - 1 : "*", from, to);
  return { from, to, number: state.ofHead ? number : `mean(${number})` };
}
