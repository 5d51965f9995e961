// Vectors as rows of coloured cells, and the sums they make.

import { heatImage, stretch } from "../drawing/images.js";
import { drawLegendBlock, exceeds, legendHeight } from "../drawing/legend.js";
import { clamp, exactText, placeText, valueText } from "../drawing/numbers.js";
import { frameBox, hoverFrame } from "../drawing/strokes.js";
import { textWidth, write } from "../drawing/text.js";
import { cellWithin } from "./small.js";

export const STRIPS = {
  layout(panel, width, paint) {
    const font = paint.font(14, 600);
    const hasOperators = panel.strips.some((strip) => strip.operator);
    const gutter = hasOperators ? 24 : 0;
    // Whether labels stand beside the cells or over them follows from the width alone: values must move nothing.
    const above = width < 460;
    const widest = Math.max(...panel.strips.map((strip) => textWidth(strip.label.replace(/\d/g, "0"), font)));
    const column = Math.min(Math.ceil((widest + 14) / 32) * 32, Math.floor(width * 0.4) - gutter);
    const left = 4 + gutter + (above ? 0 : column);
    const cellHeight = 26;
    const pitch = cellHeight + (above ? 34 : 14);
    const longest = Math.max(...panel.strips.map((strip) => strip.values.shape[0]));
    const cell = Math.min((width - left - 8) / longest, 30);
    const legends = this.legends(panel, paint);
    const sums = panel.strips.filter((strip) => strip.operator === "=").length;
    const own = legends.length > 2; // too many to draw: said in words, and in the tooltip
    const note = own ? this.scaleNote(legends) : "";
    for (const one of legends) {
      one.note = panel.strips.length === 1 ? "" : legends.length === 1 ? "one scale for all" : one.labels.join(", ");
      one.height = legendHeight(one.scale, one.note, width - left, paint);
    }
    const drawn = legends.reduce((sum, one) => sum + one.height, 0);
    const legend = own ? legendHeight(null, note, width - left, paint) : drawn;
    return {
      above,
      left,
      column,
      gutter,
      cellHeight,
      pitch,
      longest,
      cell,
      legends: own ? [] : legends,
      note,
      width,
      font,
      height: 6 + panel.strips.length * pitch + 6 * sums + legend,
    };
  },
  /** Which rows share a scale, read off the scales themselves. */
  scaleNote(legends) {
    const groups = legends.filter(({ labels }) => labels.length > 1).map(({ labels }) => labels.join(" and "));
    if (!groups.length) return "every row has its own scale";
    return `one scale for ${groups.join(", one for ")}; every other row has its own`;
  },
  legends(panel, paint) {
    const seen = new Map();
    for (const { scale, quantity, label } of panel.strips) {
      const key = JSON.stringify([scale.low, scale.high, scale.diverging || quantity]);
      if (seen.has(key)) seen.get(key).labels.push(label);
      else seen.set(key, { scale, table: paint.table(quantity, scale), labels: [label] });
    }
    return [...seen.values()];
  },
  top(panel, at, index) {
    const sums = panel.strips.slice(0, index + 1).filter((strip) => strip.operator === "=").length;
    return 4 + index * at.pitch + 6 * sums + (at.above ? 22 : 4);
  },
  draw(ctx, panel, at, paint) {
    panel.strips.forEach((strip, i) => {
      const y = this.top(panel, at, i);
      const count = strip.values.shape[0];
      const width = at.cell * count;
      const table = paint.table(strip.quantity, strip.scale);
      const cells = [at.left, y, width, at.cellHeight];
      stretch(ctx, heatImage(strip.values.data, 0, 1, count, strip.scale, table), ...cells, paint);
      frameBox(ctx, cells, 0.5, paint.theme.line);
      if (at.cell >= 12) {
        ctx.fillStyle = paint.theme.background;
        for (let c = 1; c < count; c++) ctx.fillRect(at.left + c * at.cell - 0.5, y, 1, at.cellHeight);
      }
      const middle = y + at.cellHeight / 2;
      const label = { font: at.font, colour: paint.colour(strip.quantity) };
      if (at.above) write(ctx, strip.label, at.left, y - 11, { ...label, width: at.width - at.left });
      else write(ctx, strip.label, 4 + at.gutter, middle, { ...label, width: at.column - 8 });
      if (strip.operator)
        write(ctx, strip.operator, 12, middle, paint.muted(18, { align: "center" }));
      if (strip.operator === "=") {
        ctx.fillStyle = paint.theme.faint;
        ctx.fillRect(4, paint.snap(y - (at.above ? 25 : 10)), Math.max(width + at.left - 4, 40), 1 / paint.ratio);
      }
    });
    let y = at.height - at.legends.reduce((sum, one) => sum + one.height, 0);
    for (const { scale, table, labels, note, height } of at.legends) {
      const data = panel.strips
        .filter((strip) => labels.includes(strip.label))
        .map((strip) => exceeds(strip.values.data, scale));
      const outside = [data.some(([low]) => low), data.some(([, high]) => high)];
      drawLegendBlock(ctx, at.left, y, at.width - at.left, height, { scale, table, outside, note }, paint);
      y += height;
    }
    if (at.note) write(ctx, at.note, at.left, at.height - 12, paint.muted(12));
  },
  mark(ctx, panel, at, paint, hover) {
    if (hover == null) return;
    const column = hover % at.longest;
    const width = Math.max(at.cell, 5);
    const x = at.left + (column + 0.5) * at.cell - width / 2;
    panel.strips.forEach((strip, i) => {
      if (column < strip.values.shape[0]) hoverFrame(ctx, x, this.top(panel, at, i) - 1, width, at.cellHeight + 2);
    });
  },
  hit(panel, at, x, y) {
    const column = Math.floor((x - at.left) / at.cell);
    const index = panel.strips.findIndex(
      (_, i) => y >= this.top(panel, at, i) - 4 && y <= this.top(panel, at, i) + at.cellHeight + 4,
    );
    return index < 0 || column < 0 || column >= panel.strips[index].values.shape[0]
      ? null
      : index * at.longest + column;
  },
  anchor: (panel, at, cell) => [
    at.left + ((cell % at.longest) + 1) * at.cell,
    STRIPS.top(panel, at, Math.floor(cell / at.longest)),
  ],
  describe(panel, cell, paint, at) {
    const [index, column] = [Math.floor(cell / at.longest), cell % at.longest];
    const value = ({ values }) => valueText(values.data[column], values.uncertainty(column));
    const place = `${panel.strips[index].label}, ${placeText(panel.axis, column, panel.strips[index].values.shape[0])}`;
    if (panel.strips.length === 1) return [value(panel.strips[0]), place];
    const all = panel.strips
      .filter((strip) => column < strip.values.shape[0])
      .map((strip) => ({
        text: `${strip.operator ? `${strip.operator} ` : ""}${strip.label}  ${value(strip)}`,
        colour: paint.colour(strip.quantity),
      }));
    return [value(panel.strips[index]), place, ...all];
  },
  pick: () => null,
  chosen: () => null,
  move(panel, at, cell, right, down) {
    const index = clamp(Math.floor(cell / at.longest) + down, 0, panel.strips.length - 1);
    return index * at.longest + clamp((cell % at.longest) + right, 0, panel.strips[index].values.shape[0] - 1);
  },
  numbers: (panel) => panel.strips.map(({ label, values }) => [label, values]),
  table(panel) {
    const longest = Math.max(...panel.strips.map((strip) => strip.values.shape[0]));
    return [
      [`row \\ ${panel.axis}`, ...Array.from({ length: longest }, (_, i) => i)],
      ...panel.strips.map(({ label, values }) => [
        label,
        ...Array.from(values.data, (value, i) => exactText(value, values.uncertainty(i))),
      ]),
    ];
  },
  origin: (panel, cell, at) => [panel.strips[Math.floor(cell / at.longest)].origin, { place: cell % at.longest }],
  drawSmall(ctx, panel, [x, y, width, height], paint) {
    const pitch = Math.min(height / panel.strips.length, 22);
    const top = y + (height - pitch * panel.strips.length) / 2;
    panel.strips.forEach(({ values, scale, quantity }, i) => {
      const image = heatImage(values.data, 0, 1, values.shape[0], scale, paint.table(quantity, scale));
      const place = [x, top + i * pitch + 1, width, pitch - 3];
      stretch(ctx, image, ...place, paint);
      frameBox(ctx, place, -0.5, paint.theme.line);
    });
  },
  smallCell: (panel, box, place) => cellWithin(box, 1, panel.strips[0].values.shape[0], place),
  applies() {},
};
