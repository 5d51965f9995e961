// Where many small maps lie: as many in a line as fit, with their names over them or at the edges.

import { legendHeight } from "../drawing/legend.js";
import { textWidth } from "../drawing/text.js";

export const tileCount = (panel) => (panel.values ?? panel.pixels).shape[0];

export const tileGrid = (panel) => (panel.values ?? panel.pixels).shape.slice(1, 3);

export function layoutTiles(panel, width, paint) {
  const count = tileCount(panel);
  const [rows, columns] = tileGrid(panel);
  let perRow = Math.min(panel.columns, count);
  // On a phone the heads of one layer take two lines, so that each is large enough to be read.
  if (panel.values && width < 520 && count <= 16 && width / perRow < 72) perRow = Math.ceil(perRow / 2);
  if (panel.pixels && width / perRow < 48) perRow = Math.max(1, Math.floor(width / 60));
  const headers = perRow === panel.columns ? headersOf(panel) : null;
  const labelFont = paint.font(13);
  const left = headers ? 14 + Math.max(...headers.rows.map((name) => textWidth(name, labelFont))) : 4;
  const room = width - left - 4;
  const largest = panel.tile_size * paint.shrink;
  const gapFor = (size) => (size < 40 ? 4 : size < 70 ? 8 : 12);
  let size = Math.min(largest, (room - (perRow - 1) * gapFor(room / perRow)) / perRow);
  const gap = gapFor(size);
  size = Math.min(largest, (room - (perRow - 1) * gap) / perRow);
  const cell = size / columns;
  if (cell * paint.ratio >= 2) size = paint.snap(cell) * columns;
  const tall = paint.snap((size / columns) * rows);
  const widest = Math.max(0, ...panel.labels.map((label) => textWidth(label, labelFont)));
  const labelHeight = !headers && panel.labels.length && widest <= size + gap - 6 ? 22 : 0;
  const top = (headers ? 26 : 4) + (panel.leavesPlace && count === 1 ? 34 : 0);
  if (headers && Math.max(...headers.columns.map((name) => textWidth(name, labelFont))) > size + gap - 4) {
    headers.columns = headers.columns.map((name) => /\d+$/.exec(name)?.[0] ?? "");
  }
  const lines = Math.ceil(count / perRow);
  const bodyHeight = lines * (tall + labelHeight + gap) - gap;
  const shared = panel.scales.length === 1;
  const note = panel.values && count > 1 && panel.scales.length ? scalesNote(panel.scales) : "";
  const bodyWidth = perRow * (size + gap) - gap;
  const legendWidth = Math.max(bodyWidth, Math.min(width - 8, 300));
  const legend = legendHeight(shared ? panel.scales[0] : null, note, legendWidth, paint);
  return {
    x: left,
    y: top,
    size,
    tall,
    gap,
    perRow,
    count,
    headers,
    labelHeight,
    legendWidth,
    note,
    legend,
    height: top + 4 + bodyHeight + (panel.values && legend ? legend + 4 : 0),
  };
}

/** What the scales of the maps have in common, read off the scales themselves. */
function scalesNote(scales) {
  if (scales.length === 1) return "one scale for all";
  const own = "every map has its own scale";
  if (scales.every((scale) => scale.diverging)) return `${own}, with 0 in its middle`;
  return scales.every((scale) => scale.low === 0)
    ? `${own}, from 0 to its largest value`
    : `${own}, from its smallest to its largest value`;
}

/** Where every label is "row name, column name", as "layer 1, head 2": the names, to stand once at the edges. */
function headersOf(panel) {
  const names = panel.labels.map((label) => label.split(", "));
  const isTable =
    names.length > panel.columns &&
    names.every((pair, i) => {
      const [row, column] = [names[i - (i % panel.columns)], names[i % panel.columns]];
      return pair.length === 2 && pair[0] === row[0] && pair[1] === column[1];
    });
  if (!isTable) return null;
  return {
    rows: names.filter((_, i) => i % panel.columns === 0).map(([row]) => row),
    columns: names.slice(0, panel.columns).map(([, column]) => column),
  };
}

export const placeOfTile = (at, tile) => [
  at.x + (tile % at.perRow) * (at.size + at.gap),
  at.y + Math.floor(tile / at.perRow) * (at.tall + at.labelHeight + at.gap) + at.labelHeight,
];
