// Many small maps of one size: heads, layers by heads, filters.

import { DIMMED, heatAlpha, heatImage, pixelImage, stretch } from "../drawing/images.js";
import { drawLegendBlock, drawNote, exceeds } from "../drawing/legend.js";
import { clamp, exactText, valueText } from "../drawing/numbers.js";
import { colourOf, withAlpha } from "../drawing/paint.js";
import { frameBox, hoverFrame, outline, roundBox } from "../drawing/strokes.js";
import { write } from "../drawing/text.js";
import { tokenColour } from "./picture.js";
import { fitted } from "./small.js";
import { layoutTiles, placeOfTile, tileCount, tileGrid } from "./tiles_layout.js";

/** All maps of one scale, or all pictures, as one canvas below each other: a canvas for each would take longer. */
function tileSheet(panel, paint) {
  const [count, [rows, columns]] = [tileCount(panel), tileGrid(panel)];
  panel.sheets ??= {};
  if (panel.pixels) {
    panel.sheets.pixels ??= pixelImage({ shape: [count * rows, columns], data: panel.pixels.data });
    return panel.sheets.pixels;
  }
  const [scale] = panel.scales;
  const table = paint.table(panel.quantity, scale);
  const alpha = panel.backdrop ? heatAlpha : undefined;
  panel.sheets[paint.theme.scheme] ??= heatImage(panel.values.data, 0, count * rows, columns, scale, table, alpha);
  return panel.sheets[paint.theme.scheme];
}

/** One map, and the picture under it where there is one. */
function paintTile(ctx, panel, tile, x, y, width, height, paint) {
  const [rows, columns] = tileGrid(panel);
  if (panel.backdrop && !panel.pixels) {
    panel.images ??= {};
    const { scheme, background } = paint.theme;
    panel.images[scheme] ??= pixelImage(panel.backdrop, 0, DIMMED[scheme], colourOf(background));
    stretch(ctx, panel.images[scheme], x, y, width, height, paint, true);
  }
  if (panel.pixels || panel.scales.length === 1) {
    stretch(ctx, tileSheet(panel, paint), x, y, width, height, paint, false, tile * rows, rows);
    return;
  }
  const scale = panel.scales[tile] ?? panel.scales[0];
  const alpha = panel.backdrop ? heatAlpha : undefined;
  const table = paint.table(panel.quantity, scale);
  const image = heatImage(panel.values.data, tile * rows * columns, rows, columns, scale, table, alpha);
  stretch(ctx, image, x, y, width, height, paint);
}

export const TILES = {
  layout: layoutTiles,
  drawHeaders(ctx, panel, at, paint) {
    const chosen = panel.selected ?? -1;
    const style = (isChosen) => paint.chosen(13, isChosen);
    at.headers.columns.forEach((name, i) => {
      const [x, y] = placeOfTile(at, i);
      write(ctx, name, x + at.size / 2, y - 12, { ...style(chosen >= 0 && chosen % at.perRow === i), align: "center" });
    });
    at.headers.rows.forEach((name, i) => {
      const [x, y] = placeOfTile(at, i * at.perRow);
      write(ctx, name, x - 8, y + at.tall / 2, { ...style(Math.floor(chosen / at.perRow) === i), align: "right" });
    });
  },
  draw(ctx, panel, at, paint) {
    for (let tile = 0; tile < at.count; tile++) {
      const [x, y] = placeOfTile(at, tile);
      paintTile(ctx, panel, tile, x, y, at.size, at.tall, paint);
      frameBox(ctx, [x, y, at.size, at.tall], 0.5 / paint.ratio, paint.theme.line, 1 / paint.ratio);
      if (at.labelHeight && panel.labels[tile])
        write(ctx, panel.labels[tile], x, y - at.labelHeight / 2 - 2, paint.chosen(13, tile === panel.selected));
    }
    if (at.headers) this.drawHeaders(ctx, panel, at, paint);
    if (!panel.values || !at.legend) return;
    const y = at.height - at.legend;
    if (panel.scales.length === 1) {
      const [scale] = panel.scales;
      const outside = exceeds(panel.values.data, scale);
      const legend = { scale, table: paint.table(panel.quantity, scale), outside, note: at.note };
      drawLegendBlock(ctx, at.x, y, at.legendWidth, at.legend, legend, paint);
    } else drawNote(ctx, at.note, at.x, y + 13, at.legendWidth, paint);
  },
  mark(ctx, panel, at, paint, hover) {
    const [rows, columns] = tileGrid(panel);
    const [width, height] = [at.size / columns, at.tall / rows];
    if (panel.token > 0 && panel.token <= rows * columns) {
      const [row, column] = [Math.floor((panel.token - 1) / columns), (panel.token - 1) % columns];
      const strength = at.size < 70 ? 0.55 : 0.75;
      for (let tile = 0; tile < at.count; tile++) {
        const [x, y] = placeOfTile(at, tile);
        const box = [x + column * width, y + row * height, width, height];
        outline(ctx, ...box, tokenColour(panel, panel.token, paint), { strength });
      }
    }
    const frame = (tile, thickness, colour) => {
      const [x, y] = placeOfTile(at, tile);
      const out = thickness / 2 + 1;
      const box = [x - out, y - out, at.size + 2 * out, at.tall + 2 * out];
      roundBox(ctx, box, 3, { line: colour, width: thickness });
    };
    for (const tile of panel.crossed ?? []) this.crossOut(ctx, at, tile, paint);
    if (panel.selected != null && panel.selected >= 0 && panel.selected < at.count)
      frame(panel.selected, at.gap >= 8 ? 3 : 2, paint.colour(panel.quantity));
    if (hover == null) return;
    const [tile, inner] = [Math.floor(hover / (rows * columns)), hover % (rows * columns)];
    if (tile !== panel.selected) frame(tile, 1.5, paint.theme.faint);
    const [x, y] = placeOfTile(at, tile);
    if (width >= 3 && !panel.pixels)
      hoverFrame(ctx, x + (inner % columns) * width, y + Math.floor(inner / columns) * height, width, height);
  },
  /** A tile that has been taken out: faded, with a cross over it. */
  crossOut(ctx, at, tile, paint) {
    const [x, y] = placeOfTile(at, tile);
    ctx.save();
    ctx.fillStyle = withAlpha(paint.theme.background, 0.72);
    ctx.fillRect(x, y, at.size, at.tall);
    ctx.strokeStyle = paint.theme.text;
    ctx.lineWidth = at.size < 40 ? 1.5 : 2.5;
    ctx.lineCap = "round";
    ctx.beginPath();
    const [inX, inY] = [0.2 * at.size, 0.2 * at.tall];
    ctx.moveTo(x + inX, y + inY);
    ctx.lineTo(x + at.size - inX, y + at.tall - inY);
    ctx.moveTo(x + at.size - inX, y + inY);
    ctx.lineTo(x + inX, y + at.tall - inY);
    ctx.stroke();
    ctx.restore();
  },
  hit(panel, at, x, y) {
    const column = Math.floor((x - at.x) / (at.size + at.gap));
    const line = Math.floor((y - at.y) / (at.tall + at.labelHeight + at.gap));
    const tile = line * at.perRow + column;
    if (column < 0 || line < 0 || column >= at.perRow || tile >= at.count) return null;
    const [rows, columns] = tileGrid(panel);
    const [left, top] = placeOfTile(at, tile);
    const [inX, inY] = [x - left, y - top];
    if (inX > at.size || inY > at.tall || inY < -at.labelHeight) return null;
    const inner =
      clamp(Math.floor((inY / at.tall) * rows), 0, rows - 1) * columns +
      clamp(Math.floor((inX / at.size) * columns), 0, columns - 1);
    return tile * rows * columns + inner;
  },
  anchor(panel, at, cell) {
    const [rows, columns] = tileGrid(panel);
    const [x, y] = placeOfTile(at, Math.floor(cell / (rows * columns)));
    return [x + at.size, y];
  },
  describe(panel, cell) {
    const [rows, columns] = tileGrid(panel);
    const [tile, inner] = [Math.floor(cell / (rows * columns)), cell % (rows * columns)];
    const place = `row ${Math.floor(inner / columns) + 1}, column ${(inner % columns) + 1}`;
    const label = panel.labels[tile] ?? `${tile + 1}`;
    // A picture is told by its name; the caption below the pictures is that of the chosen one.
    if (panel.pixels) return tile === panel.selected && panel.caption ? [label, panel.caption] : [label];
    const out = panel.crossed?.includes(tile) ? ["taken out"] : [];
    return [valueText(panel.values.data[cell], panel.values.uncertainty(cell)), label, ...out, place];
  },
  pick(panel, cell) {
    const [rows, columns] = tileGrid(panel);
    return panel.picks[Math.floor(cell / (rows * columns))] ?? null;
  },
  /** The value of the chosen map that keys start from: that of the chosen token, if there is one. */
  chosen(panel) {
    const [rows, columns] = tileGrid(panel);
    const inner = panel.token > 0 && panel.token <= rows * columns ? panel.token - 1 : 0;
    return panel.selected == null || panel.selected < 0 ? null : panel.selected * rows * columns + inner;
  },
  keys: (panel) =>
    panel.pixels
      ? "Arrow keys go from image to image."
      : tileCount(panel) === 1
        ? "Arrow keys read the values."
        : "Arrow keys go from map to map, with Shift from value to value.",
  /** An arrow key leads to the same place of the next map; with Shift to the next value, also across maps. */
  move(panel, at, cell, right, down, byValue = false) {
    const [rows, columns] = tileGrid(panel);
    const [tile, inner] = [Math.floor(cell / (rows * columns)), cell % (rows * columns)];
    if (!panel.pixels && (byValue || at.count === 1)) {
      const row = Math.floor(tile / at.perRow) * rows + Math.floor(inner / columns) + down;
      const column = (tile % at.perRow) * columns + (inner % columns) + right;
      const next = Math.floor(row / rows) * at.perRow + Math.floor(column / columns);
      if (row < 0 || column < 0 || column >= at.perRow * columns || next >= at.count) return cell;
      return next * rows * columns + (row % rows) * columns + (column % columns);
    }
    const next = tile + right + down * at.perRow;
    return next < 0 || next >= at.count ? cell : next * rows * columns + inner;
  },
  /** Where the name of a picture is written, so that it hides no other picture of its line. */
  below(panel, at, cell) {
    if (!panel.pixels) return null;
    const [rows, columns] = tileGrid(panel);
    const [x, y] = placeOfTile(at, Math.floor(cell / (rows * columns)));
    return [x, y + at.tall + 6];
  },
  table(panel) {
    const [rows, columns] = tileGrid(panel);
    const size = rows * columns;
    const head = panel.pixels ? ["map", "row", "column", "red", "green", "blue"] : ["map", "row", "column", "value"];
    const lines = Array.from({ length: tileCount(panel) * size }, (_, i) => {
      const where = [
        panel.labels[Math.floor(i / size)] ?? Math.floor(i / size) + 1,
        Math.floor((i % size) / columns) + 1,
        (i % columns) + 1,
      ];
      const what = panel.pixels
        ? [...panel.pixels.data.slice(3 * i, 3 * i + 3)]
        : [exactText(panel.values.data[i], panel.values.uncertainty(i))];
      return [...where, ...what];
    });
    return [head, ...lines];
  },
  numbers: ({ pixels, values }) => [pixels ? ["pixels", pixels] : ["values", values]],
  canPick: (panel) => panel.picks.length,
  origin(panel, cell) {
    const [rows, columns] = tileGrid(panel);
    const [tile, place] = [Math.floor(cell / (rows * columns)), cell % (rows * columns)];
    const [row, column] = [Math.floor(place / columns), place % columns];
    return [panel.origin, { tile, place, listed: panel.origin?.listed[tile], row, column, each: tile }];
  },
  drawSmall(ctx, panel, box, paint) {
    const [rows, columns] = tileGrid(panel);
    const count = tileCount(panel);
    const perRow = Math.min(panel.columns, count);
    const lines = Math.ceil(count / perRow);
    const [left, top, w, h] = fitted((perRow * columns) / (lines * rows), box);
    const [wide, tall] = [w / perRow, h / lines];
    const gap = Math.min(3, wide * 0.12);
    for (let tile = 0; tile < count; tile++) {
      const [x, y] = [left + (tile % perRow) * wide, top + Math.floor(tile / perRow) * tall];
      paintTile(ctx, panel, tile, x, y, wide - gap, tall - gap, paint);
    }
  },
  applies(panel, pick) {
    const [rows, columns] = tileGrid(panel);
    if (pick.token <= rows * columns && panel.token != null) panel.token = pick.token;
    chooseAmong(panel, pick);
  },
};

/** The tile or the bar that a pick is about becomes the chosen one, or is taken out or put back. */
export function chooseAmong(panel, pick) {
  const index = panel.picks.findIndex(
    (own) => Object.keys(own).length && Object.entries(own).every(([name, value]) => pick[name] === value),
  );
  if (index < 0) return;
  if (!panel.crossed) panel.selected = index;
  else if (panel.crossed.includes(index)) panel.crossed = panel.crossed.filter((tile) => tile !== index);
  else panel.crossed = [...panel.crossed, index];
}
