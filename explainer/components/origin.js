// Which number of the forward pass a cell holds: "block.attention.weights:3:0,12,33", as explainer/number_address.py
// reads it. Only views that explain their numbers send such a name.

/** The origin of a cell, and its place by the names that the origin's index is written with. */
const ORIGINS = {
  Picture(panel, cell) {
    const width = panel.pixels.shape[1];
    return [panel.origin, { token: cell, row: Math.floor(cell / width), column: cell % width }];
  },
  Matrix(panel, cell) {
    const columns = panel.values.shape[1];
    const [row, column] = [Math.floor(cell / columns), cell % columns];
    return [panel.origin, { row: row + panel.row_start, column: column + panel.column_start, place: cell }];
  },
  Tiles(panel, cell) {
    const [rows, columns] = TILES.grid(panel);
    const [tile, place] = [Math.floor(cell / (rows * columns)), cell % (rows * columns)];
    const listed = panel.origin?.listed[tile];
    return [panel.origin, { tile, place, listed, row: Math.floor(place / columns), column: place % columns }];
  },
  Strips(panel, cell, at) {
    return [panel.strips[Math.floor(cell / at.longest)].origin, { place: cell % at.longest }];
  },
  Bars: (panel, cell) => [panel.origin, { bar: cell, listed: panel.origin?.listed[cell] }],
};

/** An index as it is written ("place//3%8+1"), counted; a number as it is. */
function counted(index, places) {
  if (typeof index === "number") return index;
  const [, name, divisor, remainder, sum] = /^([a-z]+)(?:\/\/(\d+))?(?:%(\d+))?([+-]\d+)?$/.exec(index);
  let value = places[name];
  if (divisor) value = Math.floor(value / Number(divisor));
  if (remainder) value %= Number(remainder);
  return value + Number(sum ?? 0);
}

/** The name of the number that a cell of a panel holds, null if it is none or the view does not explain any. */
function numberOf(view, panel, cell, at) {
  if (view.explains == null || cell == null) return null;
  const [origin, places] = ORIGINS[panel.kind]?.(panel, cell, at) ?? [];
  if (!origin) return null;
  const index = origin.index.map((each) => counted(each, places));
  const isOfLayer = origin.layer != null || /^(block|layer)\./.test(origin.tensor);
  const layer = isOfLayer ? counted(origin.layer ?? view.explains, places) : "";
  return [...index, layer].every((each) => each >= 0) ? `${origin.tensor}:${layer}:${index.join()}` : null;
}
