// Which number of the forward pass a cell holds: "block.attention.weights:3:0,12,33", or what it is worked out from:
// "norm(trace.hidden_states:3:12,*)", as explainer/numbers/expressions.py reads it. Only views that explain their
// numbers send such a name.

/** An index as it is written ("place//3%8+1"), counted; a number, a star or a range as it is. */
function counted(index, places) {
  if (typeof index === "number" || index === "*") return index;
  const averaged = /^([a-z]+)~(\d+)\/(\d+)$/.exec(index);
  if (averaged) {
    const [whole, shown] = [Number(averaged[2]), Number(averaged[3])];
    const at = places[averaged[1]];
    const [first, last] = [Math.floor((at * whole) / shown), Math.ceil(((at + 1) * whole) / shown) - 1];
    return first === last ? first : `${first}-${last}`;
  }
  const part = /^([a-z]+)(?:\/\/(\d+))?(?:%(\d+))?([+-]\d+)?$/.exec(index);
  if (!part) return index; // "4-7"
  const [, name, divisor, remainder, sum] = part;
  let value = places[name];
  if (divisor) value = Math.floor(value / Number(divisor));
  if (remainder) value %= Number(remainder);
  return value + Number(sum ?? 0);
}

/** The name of a number from its origin and the cell's place; null if there is none. */
function spelled(origin, places, layerOfView) {
  if (origin?.function === "each") return spelled(origin.of[places.each], places, layerOfView);
  if (origin?.function) {
    const parts = origin.of.map((one) => spelled(one, places, layerOfView));
    return parts.every(Boolean) ? `${origin.function}(${parts.join(";")})` : null;
  }
  if (!origin?.tensor) return null;
  const index = origin.index.map((each) => counted(each, places));
  const isOfLayer = origin.layer != null || /^(block|layer)\./.test(origin.tensor);
  const layer = isOfLayer ? counted(origin.layer ?? layerOfView, places) : "";
  const isThere = [...index, layer].every((each) => typeof each === "string" || each >= 0);
  return isThere ? `${origin.side ? `${origin.side}@` : ""}${origin.tensor}:${layer}:${index.join()}` : null;
}

/** The name of the number that a cell of a panel holds, null if it is none or the view does not explain any. */
export function numberOf(view, kind, panel, cell, at, pointer) {
  if (view.explains == null || cell == null) return null;
  const [origin, places] = kind.origin?.(panel, cell, at, pointer) ?? [];
  return spelled(origin, places, view.explains);
}

/** Whether a panel has any number that can be explained. */
export function hasOrigin(panel) {
  const parts = [panel, ...(panel.strips ?? []), ...(panel.series ?? []), ...(panel.slices ?? [])];
  return parts.some((part) => part.origin) || Boolean(panel.nodes?.some((node) => node.thumbnails.some(hasOrigin)));
}
