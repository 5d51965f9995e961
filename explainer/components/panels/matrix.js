// A matrix as a heat map with its two axes.

import { heatImage, stretch, tableIndex } from "../drawing/images.js";
import { drawLegend, exceeds, legendHeight } from "../drawing/legend.js";
import { clamp, exactText, niceTicks, placeText, shortText, valueText } from "../drawing/numbers.js";
import { inkOn, withAlpha } from "../drawing/paint.js";
import { frameBox, hoverFrame, outline } from "../drawing/strokes.js";
import { textWidth, write } from "../drawing/text.js";
import { cellWithin, fitted } from "./small.js";

export const MATRIX = {
  layout(panel, width, paint) {
    const [rows, columns] = panel.values.shape;
    const tick = paint.font(13);
    const widest = (names) => Math.max(...names.map((name) => textWidth(name, tick)));
    const rowNames = panel.row_names.length > 0 && Math.min(widest(panel.row_names), width * 0.34);
    const left = rowNames ? 32 + rowNames : rows > 1 ? 32 + textWidth(String(panel.row_start + rows - 1), tick) : 4;
    const wide = width - left - 6;
    const highest = panel.max_height * paint.shrink;
    const isSquare = rows / columns > 0.25 && rows / columns < 4;
    const columnNames = panel.column_names.length > 0 && widest(panel.column_names);
    const largest = columnNames ? clamp(columnNames + 16, 38, 110) : 38;
    let cellWidth = Math.min(wide / columns, largest);
    let cellHeight;
    const upright = columnNames && columnNames + 8 > cellWidth ? Math.min(columnNames, 120) : 0; // names stand on end
    const top = columns > 1 ? 42 + Math.max(0, upright - 14) : 24;
    if (isSquare) {
      cellWidth = Math.min(cellWidth, highest / rows);
      cellHeight = cellWidth;
    } else {
      cellHeight = Math.min(highest / rows, rows < columns ? 30 : Math.max(cellWidth, 1));
      if (rows > columns) cellWidth = Math.min(cellWidth, Math.max(cellHeight, 220 / columns));
    }
    const whole = (cell) => (cell * paint.ratio >= 3 ? paint.snap(cell) : cell);
    [cellWidth, cellHeight] = [whole(cellWidth), whole(cellHeight)];
    const [bodyWidth, bodyHeight] = [cellWidth * columns, cellHeight * rows];
    const legendWidth = Math.min(width - left, Math.max(bodyWidth, 260));
    const legend = legendHeight(panel.scale, "", legendWidth, paint);
    return {
      x: left,
      y: top,
      rows,
      columns,
      cellWidth,
      cellHeight,
      bodyWidth,
      bodyHeight,
      legendWidth,
      legend,
      rowNames,
      columnNames,
      upright,
      height: top + bodyHeight + 6 + legend,
    };
  },
  draw(ctx, panel, at, paint) {
    const { data } = panel.values;
    const table = paint.table(panel.quantity, panel.scale);
    const body = [at.x, at.y, at.bodyWidth, at.bodyHeight];
    stretch(ctx, heatImage(data, 0, at.rows, at.columns, panel.scale, table), ...body, paint);
    frameBox(ctx, body, 0.5, paint.theme.line);
    if (Math.min(at.cellWidth, at.cellHeight) >= 12) this.separate(ctx, at, paint);
    if (at.cellWidth >= 36 && at.cellHeight >= 20) this.writeValues(ctx, panel, at, table, paint);
    this.drawAxes(ctx, panel, at, paint);
    const legend = { scale: panel.scale, table, outside: exceeds(data, panel.scale) };
    drawLegend(ctx, at.x, at.y + at.bodyHeight + 4, at.legendWidth, legend, paint);
  },
  separate(ctx, at, paint) {
    ctx.fillStyle = paint.theme.background;
    for (let i = 1; i < at.columns; i++) ctx.fillRect(at.x + i * at.cellWidth - 0.5, at.y, 1, at.bodyHeight);
    for (let i = 1; i < at.rows; i++) ctx.fillRect(at.x, at.y + i * at.cellHeight - 0.5, at.bodyWidth, 1);
  },
  writeValues(ctx, panel, at, table, paint) {
    for (let i = 0; i < at.rows * at.columns; i++) {
      const index = 4 * tableIndex(panel.values.data[i], panel.scale);
      const colour = inkOn([...table.slice(index, index + 3)]);
      const x = at.x + ((i % at.columns) + 0.5) * at.cellWidth;
      const y = at.y + (Math.floor(i / at.columns) + 0.5) * at.cellHeight;
      write(ctx, shortText(panel.values.data[i], 2), x, y, { font: paint.font(12), colour, align: "center" });
    }
  },
  drawAxes(ctx, panel, at, paint) {
    const tick = paint.muted(13);
    const axis = paint.muted(13.5);
    write(ctx, `${panel.column_axis} →`, at.x, at.columns > 1 ? 10 : 12, axis);
    if (at.columnNames) this.writeColumnNames(ctx, panel, at, tick);
    else if (at.columns > 1) {
      for (const i of this.ticks(at.columns, at.bodyWidth, 46)) {
        const x = at.x + (i + 0.5) * at.cellWidth;
        ctx.fillStyle = paint.theme.faint;
        ctx.fillRect(paint.snap(x), at.y - 5, 1, 4);
        const align = i === 0 && at.cellWidth < 8 ? "left" : "center";
        write(ctx, String(i + panel.column_start), x, at.y - 13, { ...tick, align });
      }
    }
    if (at.rowNames)
      panel.row_names.forEach((name, i) => {
        const y = at.y + (i + 0.5) * at.cellHeight;
        write(ctx, name, at.x - 8, y, { ...tick, align: "right", width: at.rowNames });
      });
    if (at.rows > 1) {
      for (const i of at.rowNames ? [] : this.ticks(at.rows, at.bodyHeight, 30)) {
        const y = at.y + (i + 0.5) * at.cellHeight;
        ctx.fillStyle = paint.theme.faint;
        ctx.fillRect(at.x - 5, paint.snap(y), 4, 1);
        const inside = clamp(y, at.y + 5, at.y + at.bodyHeight - 4);
        write(ctx, String(i + panel.row_start), at.x - 8, inside, { ...tick, align: "right" });
      }
      ctx.save();
      ctx.translate(10, at.y);
      ctx.rotate(-Math.PI / 2);
      write(ctx, `← ${panel.row_axis}`, 0, 0, { ...axis, align: "right", width: Math.max(at.bodyHeight, 60) });
      ctx.restore();
    }
  },
  writeColumnNames(ctx, panel, at, tick) {
    panel.column_names.forEach((name, i) => {
      ctx.save();
      ctx.translate(at.x + (i + 0.5) * at.cellWidth, at.y - (at.upright ? 6 : 13));
      if (at.upright) ctx.rotate(-Math.PI / 2);
      write(ctx, name, 0, 0, { ...tick, align: at.upright ? "left" : "center", width: at.upright || at.cellWidth });
      ctx.restore();
    });
  },
  ticks: (count, length, apart) =>
    niceTicks(0, count - 1, Math.max(1, Math.floor(length / apart))).filter(Number.isInteger),
  band(panel, at, isRow) {
    const [index, count] = isRow ? [panel.row, at.rows] : [panel.column, at.columns];
    if (index == null || index < 0 || index >= count) return null;
    return isRow
      ? [at.x, at.y + index * at.cellHeight, at.bodyWidth, at.cellHeight]
      : [at.x + index * at.cellWidth, at.y, at.cellWidth, at.bodyHeight];
  },
  mark(ctx, panel, at, paint, hover) {
    for (const isRow of [true, false]) {
      const band = this.band(panel, at, isRow);
      if (!band) continue;
      const strength = Math.min(1, 0.5 + Math.min(band[2], band[3]) / 20);
      outline(ctx, ...band, paint.colour(panel.quantity), { strength });
    }
    if (hover == null) return;
    const [x, y] = [at.x + (hover % at.columns) * at.cellWidth, at.y + Math.floor(hover / at.columns) * at.cellHeight];
    ctx.fillStyle = withAlpha(paint.theme.text, 0.14);
    ctx.fillRect(at.x, y, at.bodyWidth, at.cellHeight);
    ctx.fillRect(x, at.y, at.cellWidth, at.bodyHeight);
    const [width, height] = [Math.max(at.cellWidth, 5), Math.max(at.cellHeight, 5)];
    hoverFrame(ctx, x + (at.cellWidth - width) / 2, y + (at.cellHeight - height) / 2, width, height);
  },
  hit(panel, at, x, y) {
    const column = Math.floor((x - at.x) / at.cellWidth);
    const row = Math.floor((y - at.y) / at.cellHeight);
    return column < 0 || row < 0 || column >= at.columns || row >= at.rows ? null : row * at.columns + column;
  },
  anchor: (panel, at, cell) => [
    at.x + ((cell % at.columns) + 1) * at.cellWidth,
    at.y + Math.floor(cell / at.columns) * at.cellHeight,
  ],
  describe(panel, cell) {
    const [rows, columns] = panel.values.shape;
    const [row, column] = [Math.floor(cell / columns), cell % columns];
    const lines = [valueText(panel.values.data[cell], panel.values.uncertainty(cell))];
    const place = (axis, names, i, count, start) =>
      names[i] == null ? placeText(axis, i + start, start ? NaN : count) : `${axis}: ${names[i]}`;
    if (rows > 1) lines.push(place(panel.row_axis, panel.row_names, row, rows, panel.row_start));
    if (columns > 1) lines.push(place(panel.column_axis, panel.column_names, column, columns, panel.column_start));
    return lines;
  },
  pick(panel, cell) {
    const columns = panel.values.shape[1];
    if (panel.pick === "row") return { token: Math.floor(cell / columns) };
    return panel.pick === "column" ? { token: cell % columns } : null;
  },
  chosen(panel) {
    const columns = panel.values.shape[1];
    return panel.row == null && panel.column == null ? null : (panel.row ?? 0) * columns + (panel.column ?? 0);
  },
  move(panel, at, cell, right, down) {
    const row = clamp(Math.floor(cell / at.columns) + down, 0, at.rows - 1);
    return row * at.columns + clamp((cell % at.columns) + right, 0, at.columns - 1);
  },
  table(panel) {
    const [rows, columns] = panel.values.shape;
    const line = (row) =>
      Array.from({ length: columns }, (_, i) =>
        exactText(panel.values.data[row * columns + i], panel.values.uncertainty(row * columns + i)),
      );
    const names = Array.from({ length: columns }, (_, i) => panel.column_names[i] ?? i + panel.column_start);
    return [
      [`${panel.row_axis} \\ ${panel.column_axis}`, ...names],
      ...Array.from({ length: rows }, (_, row) => [panel.row_names[row] ?? row + panel.row_start, ...line(row)]),
    ];
  },
  numbers: (panel) => [["values", panel.values]],
  canPick: (panel) => panel.pick,
  origin(panel, cell) {
    const columns = panel.values.shape[1];
    const [row, column] = [Math.floor(cell / columns) + panel.row_start, (cell % columns) + panel.column_start];
    return [panel.origin, { row, column, place: cell, each: Math.min(row, 1) }];
  },
  small(panel, box) {
    const [rows, columns] = panel.values.shape;
    return fitted(clamp(columns / rows, 0.5, 3), box);
  },
  drawSmall(ctx, panel, box, paint) {
    const [rows, columns] = panel.values.shape;
    const place = this.small(panel, box);
    const table = paint.table(panel.quantity, panel.scale);
    stretch(ctx, heatImage(panel.values.data, 0, rows, columns, panel.scale, table), ...place, paint);
    frameBox(ctx, place, -0.5, paint.theme.line);
  },
  smallCell(panel, box, place) {
    const [rows, columns] = panel.values.shape;
    return cellWithin(this.small(panel, box), rows, columns, place);
  },
  applies(panel, pick) {
    if (pick.token !== undefined && panel.pick && panel[panel.pick] != null) panel[panel.pick] = pick.token;
  },
};
