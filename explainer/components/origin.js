// Which number of the forward pass a cell holds: "block.attention.weights:3:0,12,33", or what it is worked out from:
// "norm(trace.hidden_states:3:12,*)", as explainer/numbers/expressions.py reads it. Only views that explain their numbers
// send such a name.

/** The origin of a cell, and its place by the names that the origin's index is written with. */
const ORIGINS = {
  Picture(panel, cell) {
    const width = panel.pixels.shape[1];
    return [panel.origin, { token: cell, row: Math.floor(cell / width), column: cell % width }];
  },
  Matrix(panel, cell) {
    const columns = panel.values.shape[1];
    const [row, column] = [Math.floor(cell / columns) + panel.row_start, (cell % columns) + panel.column_start];
    return [panel.origin, { row, column, place: cell, each: Math.min(row, 1) }];
  },
  Tiles(panel, cell) {
    const [rows, columns] = TILES.grid(panel);
    const [tile, place] = [Math.floor(cell / (rows * columns)), cell % (rows * columns)];
    const listed = panel.origin?.listed[tile];
    return [panel.origin, { tile, place, listed, row: Math.floor(place / columns), column: place % columns, each: tile }];
  },
  Strips(panel, cell, at) {
    return [panel.strips[Math.floor(cell / at.longest)].origin, { place: cell % at.longest }];
  },
  Bars: (panel, cell) => [panel.origin, { bar: cell, listed: panel.origin?.listed[cell], each: cell }],
  /** Of several lines at one x that which is nearest to the pointer; by keys one after the other. */
  Plot(panel, cell, at, { y, turn = 0 } = {}) {
    if (cell >= at.lineXs.length) {
      const { series, index } = PLOT.point(panel, at, cell);
      return [series.origin, { point: index, each: index }];
    }
    const here = panel.series
      .filter((series) => series.style !== "points" && series.origin)
      .map((series) => ({ series, index: series.x.data.indexOf(at.lineXs[cell]) }))
      .filter(({ index }) => index >= 0);
    const away = ({ series, index }) => Math.abs(PLOT.y(at, series.y.data[index]) - y);
    const found = y == null ? here[turn % here.length] : here.sort((one, other) => away(one) - away(other))[0];
    return found ? [found.series.origin, { point: found.index, each: found.index }] : [];
  },
  Walk: (panel, cell, at) => WALK.origin(panel, cell, at),
  Flow: (panel, cell, at, pointer) => FLOW.origin(panel, cell, at, pointer),
};

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
function numberOf(view, panel, cell, at, pointer) {
  if (view.explains == null || cell == null) return null;
  const [origin, places] = ORIGINS[panel.kind]?.(panel, cell, at, pointer) ?? [];
  return spelled(origin, places, view.explains);
}

/** Whether a panel has any number that can be explained. */
function hasOrigin(panel) {
  const parts = [panel, ...(panel.strips ?? []), ...(panel.series ?? []), ...(panel.slices ?? [])];
  return parts.some((part) => part.origin) || Boolean(panel.nodes?.some((node) => node.thumbnails.some(hasOrigin)));
}
