// Many small maps of one size: heads, layers by heads, filters.

import { DIMMED, heatAlpha, heatImage, pixelImage, stretch } from "../core/images.js";
import { drawLegendBlock, drawNote, exceeds, legendHeight } from "../core/legend.js";
import { clamp, exactText, valueText } from "../core/numbers.js";
import { colourOf, withAlpha } from "../core/paint.js";
import { hoverFrame, outline } from "../core/strokes.js";
import { textWidth, write } from "../core/text.js";
import { tokenColour } from "./picture.js";
import { fitted } from "./small.js";

export const TILES = {
  count: (panel) => (panel.values ?? panel.pixels).shape[0],
  grid: (panel) => (panel.values ?? panel.pixels).shape.slice(1, 3),
  layout(panel, width, paint) {
    const count = this.count(panel);
    const [rows, columns] = this.grid(panel);
    let perRow = Math.min(panel.columns, count);
    // On a phone the heads of one layer take two lines, so that each is large enough to be read.
    if (panel.values && width < 520 && count <= 16 && width / perRow < 72) perRow = Math.ceil(perRow / 2);
    if (panel.pixels && width / perRow < 48) perRow = Math.max(1, Math.floor(width / 60));
    const headers = perRow === panel.columns ? this.headers(panel) : null;
    const labelFont = paint.font(13);
    const left = headers ? 14 + Math.max(...headers.rows.map((name) => textWidth(name, labelFont))) : 4;
    const room = width - left - 4;
    const gapFor = (size) => (size < 40 ? 4 : size < 70 ? 8 : 12);
    let size = Math.min(panel.tile_size, (room - (perRow - 1) * gapFor(room / perRow)) / perRow);
    const gap = gapFor(size);
    size = Math.min(panel.tile_size, (room - (perRow - 1) * gap) / perRow);
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
    const note = !panel.values
      ? ""
      : count === 1
        ? ""
        : shared
          ? "one scale for all"
          : panel.scales.length
            ? this.scaleNote(panel.scales)
            : "";
    const bodyWidth = perRow * (size + gap) - gap;
    const legend = legendHeight(
      shared ? panel.scales[0] : null,
      note,
      Math.max(bodyWidth, Math.min(width - 8, 300)),
      paint,
    );
    return {
      x: left,
      y: top,
      size,
      tall,
      gap,
      perRow,
      lines,
      count,
      headers,
      labelHeight,
      labelFont,
      bodyWidth,
      note,
      legend,
      width,
      height: top + 4 + bodyHeight + (panel.values && legend ? legend + 4 : 0),
    };
  },
  /** What the scales of the maps have in common, read off the scales themselves. */
  scaleNote(scales) {
    const own = "every map has its own scale";
    if (scales.every((scale) => scale.diverging)) return `${own}, with 0 in its middle`;
    return scales.every((scale) => scale.low === 0)
      ? `${own}, from 0 to its largest value`
      : `${own}, from its smallest to its largest value`;
  },
  /** Where every label is "row name, column name", as "layer 1, head 2": the names, to stand once at the edges. */
  headers(panel) {
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
  },
  drawHeaders(ctx, panel, at, paint) {
    const chosen = panel.selected ?? -1;
    const style = (isChosen) => ({
      font: isChosen ? at.labelFont.replace("400", "650") : at.labelFont,
      colour: isChosen ? paint.theme.text : paint.theme.muted,
    });
    at.headers.columns.forEach((name, i) => {
      const [x, y] = this.place(at, i);
      write(ctx, name, x + at.size / 2, y - 12, { ...style(chosen >= 0 && chosen % at.perRow === i), align: "center" });
    });
    at.headers.rows.forEach((name, i) => {
      const [x, y] = this.place(at, i * at.perRow);
      write(ctx, name, x - 8, y + at.tall / 2, { ...style(Math.floor(chosen / at.perRow) === i), align: "right" });
    });
  },
  place: (at, tile) => [
    at.x + (tile % at.perRow) * (at.size + at.gap),
    at.y + Math.floor(tile / at.perRow) * (at.tall + at.labelHeight + at.gap) + at.labelHeight,
  ],
  scale: (panel, tile) => panel.scales[tile] ?? panel.scales[0],
  /** All maps of one scale, or all pictures, as one canvas below each other: a canvas for each would take longer. */
  sheet(panel, paint) {
    const [count, [rows, columns]] = [this.count(panel), this.grid(panel)];
    panel.sheets ??= {};
    if (panel.pixels) {
      panel.sheets.pixels ??= pixelImage({ shape: [count * rows, columns], data: panel.pixels.data });
      return panel.sheets.pixels;
    }
    const [scale] = panel.scales;
    const table = paint.table(panel.quantity, scale);
    const alpha = panel.backdrop ? heatAlpha : null;
    panel.sheets[paint.theme.scheme] ??= heatImage(panel.values.data, 0, count * rows, columns, scale, table, alpha);
    return panel.sheets[paint.theme.scheme];
  },
  /** One map, and the picture under it where there is one. */
  paintTile(ctx, panel, tile, x, y, width, height, paint) {
    const [rows, columns] = this.grid(panel);
    if (panel.pixels) {
      stretch(ctx, this.sheet(panel, paint), x, y, width, height, paint, false, tile * rows, rows);
      return;
    }
    const scale = this.scale(panel, tile);
    const table = paint.table(panel.quantity, scale);
    if (panel.backdrop) {
      panel.images ??= {};
      const scheme = paint.theme.scheme;
      panel.images[scheme] ??= pixelImage(panel.backdrop, 0, DIMMED[scheme], colourOf(paint.theme.background));
      stretch(ctx, panel.images[scheme], x, y, width, height, paint, true);
    }
    if (panel.scales.length === 1) {
      stretch(ctx, this.sheet(panel, paint), x, y, width, height, paint, false, tile * rows, rows);
      return;
    }
    const image = heatImage(
      panel.values.data,
      tile * rows * columns,
      rows,
      columns,
      scale,
      table,
      panel.backdrop ? heatAlpha : null,
    );
    stretch(ctx, image, x, y, width, height, paint);
  },
  draw(ctx, panel, at, paint) {
    for (let tile = 0; tile < at.count; tile++) {
      const [x, y] = this.place(at, tile);
      this.paintTile(ctx, panel, tile, x, y, at.size, at.tall, paint);
      ctx.strokeStyle = paint.theme.line;
      ctx.lineWidth = 1 / paint.ratio;
      ctx.strokeRect(
        x - 0.5 / paint.ratio,
        y - 0.5 / paint.ratio,
        at.size + 1 / paint.ratio,
        at.tall + 1 / paint.ratio,
      );
      if (at.labelHeight && panel.labels[tile]) {
        const chosen = tile === panel.selected;
        write(ctx, panel.labels[tile], x, y - at.labelHeight / 2 - 2, {
          font: chosen ? at.labelFont.replace("400", "650") : at.labelFont,
          colour: chosen ? paint.theme.text : paint.theme.muted,
        });
      }
    }
    if (at.headers) this.drawHeaders(ctx, panel, at, paint);
    if (!panel.values || !at.legend) return;
    const y = at.height - at.legend;
    const width = Math.max(at.bodyWidth, Math.min(at.width - 8, 300));
    if (panel.scales.length === 1) {
      const [scale] = panel.scales;
      drawLegendBlock(
        ctx,
        at.x,
        y,
        width,
        at.legend,
        { scale, table: paint.table(panel.quantity, scale), outside: exceeds(panel.values.data, scale), note: at.note },
        paint,
      );
    } else {
      drawNote(ctx, at.note, at.x, y + 13, width, paint);
    }
  },
  mark(ctx, panel, at, paint, hover) {
    const [rows, columns] = this.grid(panel);
    const [width, height] = [at.size / columns, at.tall / rows];
    if (panel.token > 0 && panel.token <= rows * columns) {
      for (let tile = 0; tile < at.count; tile++) {
        const [x, y] = this.place(at, tile);
        const strength = at.size < 70 ? 0.55 : 0.75;
        outline(
          ctx,
          x + ((panel.token - 1) % columns) * width,
          y + Math.floor((panel.token - 1) / columns) * height,
          width,
          height,
          tokenColour(panel, panel.token, paint),
          { strength },
        );
      }
    }
    const frame = (tile, thickness, colour) => {
      const [x, y] = this.place(at, tile);
      const out = thickness / 2 + 1;
      ctx.lineWidth = thickness;
      ctx.strokeStyle = colour;
      ctx.beginPath();
      ctx.roundRect(x - out, y - out, at.size + 2 * out, at.tall + 2 * out, 3);
      ctx.stroke();
    };
    for (const tile of panel.crossed ?? []) this.crossOut(ctx, at, tile, paint);
    if (panel.selected != null && panel.selected >= 0 && panel.selected < at.count)
      frame(panel.selected, at.gap >= 8 ? 3 : 2, paint.colour(panel.quantity));
    if (hover == null) return;
    const [tile, inner] = [Math.floor(hover / (rows * columns)), hover % (rows * columns)];
    if (tile !== panel.selected) frame(tile, 1.5, paint.theme.faint);
    const [x, y] = this.place(at, tile);
    if (width >= 3 && !panel.pixels)
      hoverFrame(ctx, x + (inner % columns) * width, y + Math.floor(inner / columns) * height, width, height);
  },
  /** A tile that has been taken out: faded, with a cross over it. */
  crossOut(ctx, at, tile, paint) {
    const [x, y] = this.place(at, tile);
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
    const [rows, columns] = this.grid(panel);
    const [left, top] = this.place(at, tile);
    const [inX, inY] = [x - left, y - top];
    if (inX > at.size || inY > at.tall || inY < -at.labelHeight) return null;
    const inner =
      clamp(Math.floor((inY / at.tall) * rows), 0, rows - 1) * columns +
      clamp(Math.floor((inX / at.size) * columns), 0, columns - 1);
    return tile * rows * columns + inner;
  },
  anchor(panel, at, cell) {
    const [rows, columns] = this.grid(panel);
    const [x, y] = this.place(at, Math.floor(cell / (rows * columns)));
    return [x + at.size, y];
  },
  describe(panel, cell) {
    const [rows, columns] = this.grid(panel);
    const [tile, inner] = [Math.floor(cell / (rows * columns)), cell % (rows * columns)];
    const place = `row ${Math.floor(inner / columns) + 1}, column ${(inner % columns) + 1}`;
    const label = panel.labels[tile] ?? `${tile + 1}`;
    // A picture is told by its name; the caption below the pictures is that of the chosen one.
    if (panel.pixels) return tile === panel.selected && panel.caption ? [label, panel.caption] : [label];
    const out = panel.crossed?.includes(tile) ? ["taken out"] : [];
    return [valueText(panel.values.data[cell], panel.values.uncertainty(cell)), label, ...out, place];
  },
  pick(panel, cell) {
    const [rows, columns] = this.grid(panel);
    return panel.picks[Math.floor(cell / (rows * columns))] ?? null;
  },
  /** The value of the chosen map that keys start from: that of the chosen token, if there is one. */
  chosen(panel) {
    const [rows, columns] = this.grid(panel);
    const inner = panel.token > 0 && panel.token <= rows * columns ? panel.token - 1 : 0;
    return panel.selected == null || panel.selected < 0 ? null : panel.selected * rows * columns + inner;
  },
  keys: (panel) =>
    panel.pixels
      ? "Arrow keys go from picture to picture."
      : TILES.count(panel) === 1
        ? "Arrow keys read the values."
        : "Arrow keys go from map to map, with Shift from value to value.",
  /** An arrow key leads to the same place of the next map; with Shift to the next value, also across the maps' edges. */
  move(panel, at, cell, right, down, byValue = false) {
    const [rows, columns] = this.grid(panel);
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
    const [rows, columns] = this.grid(panel);
    const [x, y] = this.place(at, Math.floor(cell / (rows * columns)));
    return [x, y + at.tall + 6];
  },
  table(panel) {
    const [rows, columns] = this.grid(panel);
    const size = rows * columns;
    const head = panel.pixels ? ["map", "row", "column", "red", "green", "blue"] : ["map", "row", "column", "value"];
    const lines = Array.from({ length: this.count(panel) * size }, (_, i) => {
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
  canPick: (panel) => panel.picks.length,
  origin(panel, cell) {
    const [rows, columns] = this.grid(panel);
    const [tile, place] = [Math.floor(cell / (rows * columns)), cell % (rows * columns)];
    const listed = panel.origin?.listed[tile];
    return [panel.origin, { tile, place, listed, row: Math.floor(place / columns), column: place % columns, each: tile }];
  },
  drawSmall(ctx, panel, box, paint) {
    const [rows, columns] = this.grid(panel);
    const count = this.count(panel);
    const perRow = Math.min(panel.columns, count);
    const lines = Math.ceil(count / perRow);
    const [left, top, w, h] = fitted((perRow * columns) / (lines * rows), box);
    const [wide, tall] = [w / perRow, h / lines];
    const gap = Math.min(3, wide * 0.12);
    for (let tile = 0; tile < count; tile++) {
      const [x, y] = [left + (tile % perRow) * wide, top + Math.floor(tile / perRow) * tall];
      this.paintTile(ctx, panel, tile, x, y, wide - gap, tall - gap, paint);
    }
  },
  applies(panel, pick) {
    const [rows, columns] = TILES.grid(panel);
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
