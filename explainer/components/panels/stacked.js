// Bars made of parts: what share of the whole each part has.

import { clamp, exactText, formatText } from "../drawing/numbers.js";
import { hoverFrame, roundBox } from "../drawing/strokes.js";
import { textWidth, write } from "../drawing/text.js";

export const STACKED = {
  layout(panel, width, paint) {
    const font = paint.font(13.5);
    const bold = paint.font(13.5, 600);
    const bars = panel.labels.length;
    const labelWidth = Math.min(Math.max(...panel.labels.map((label) => textWidth(label, font))) + 14, width * 0.3);
    const totalWidth = panel.totals.length ? Math.max(...panel.totals.map((total) => textWidth(total, font))) + 12 : 0;
    const beside = totalWidth < width * 0.35; // else the total stands over its bar
    const pitch = beside ? 32 : 48;
    const places = [];
    let [x, line] = [0, 0];
    for (const part of panel.parts) {
      const space = textWidth(part.label, bold) + 38;
      if (x && x + space > width - 8) [x, line] = [0, line + 1];
      places.push({ part, x, line });
      x += space;
    }
    const sums = panel.labels.map((_, bar) => panel.parts.reduce((sum, part) => sum + part.values.data[bar], 0));
    const longest = panel.share ? 1 : Math.max(...sums);
    const room = Math.max(40, width - labelWidth - 8 - (beside ? totalWidth : 0));
    const top = 8 + (line + 1) * 24;
    return {
      font,
      bold,
      bars,
      labelWidth,
      beside,
      pitch,
      places,
      longest,
      room,
      top,
      width,
      height: top + bars * pitch + 4,
    };
  },
  /** Where a part of a bar lies: [x, y, width, height]. */
  cell(panel, at, index) {
    const [bar, part] = [Math.floor(index / panel.parts.length), index % panel.parts.length];
    const scale = at.room / at.longest;
    const before = panel.parts.slice(0, part).reduce((sum, one) => sum + one.values.data[bar], 0);
    const tall = 22;
    const y = at.top + bar * at.pitch + (at.beside ? 4 : 22);
    return [4 + at.labelWidth + before * scale, y, panel.parts[part].values.data[bar] * scale, tall];
  },
  draw(ctx, panel, at, paint) {
    for (const { part, x, line } of at.places) {
      const y = 14 + line * 24;
      const colour = paint.colour(part.quantity);
      roundBox(ctx, [4 + x, y - 6, 12, 12], 3, { fill: colour });
      write(ctx, part.label, 22 + x, y, { font: at.bold, colour });
    }
    panel.labels.forEach((label, bar) => {
      let end = 4 + at.labelWidth;
      panel.parts.forEach((part, index) => {
        const [x, y, width, tall] = this.cell(panel, at, bar * panel.parts.length + index);
        ctx.fillStyle = paint.colour(part.quantity);
        ctx.fillRect(x, y, Math.max(0.5, width - 1), tall); // a line of background between the parts
        const text = formatText(part.values.data[bar], panel.format);
        const style = { font: at.font, colour: paint.theme.background, align: "center" };
        if (textWidth(text, at.font) + 10 < width) write(ctx, text, x + width / 2, y + tall / 2, style);
        end = x + width;
      });
      const middle = this.cell(panel, at, bar * panel.parts.length)[1] + 11;
      write(ctx, label, 4, middle, { font: at.bold, colour: paint.theme.text, width: at.labelWidth - 8 });
      if (!panel.totals.length) return;
      if (at.beside) write(ctx, panel.totals[bar], end + 10, middle, { font: at.font, colour: paint.theme.muted });
      else write(ctx, panel.totals[bar], 4 + at.labelWidth, middle - 20, { font: at.font, colour: paint.theme.muted });
    });
  },
  mark(ctx, panel, at, paint, hover) {
    if (hover != null) hoverFrame(ctx, ...this.cell(panel, at, hover));
  },
  hit(panel, at, x, y) {
    const bar = Math.floor((y - at.top) / at.pitch);
    if (bar < 0 || bar >= at.bars) return null;
    for (let index = bar * panel.parts.length; index < (bar + 1) * panel.parts.length; index++) {
      const [left, , width] = this.cell(panel, at, index);
      if (x >= left && x < left + width) return index;
    }
    return null;
  },
  anchor(panel, at, index) {
    const [x, y, width] = this.cell(panel, at, index);
    return [x + width / 2, y];
  },
  describe(panel, index, paint) {
    const [bar, part] = [Math.floor(index / panel.parts.length), index % panel.parts.length];
    const { label, values, quantity } = panel.parts[part];
    const total = panel.totals[bar];
    return [
      formatText(values.data[bar], panel.format),
      { text: label, colour: paint.colour(quantity) },
      panel.labels[bar],
      ...(total ? [total] : []),
    ];
  },
  pick: () => null,
  chosen: () => null,
  move(panel, at, index, right, down) {
    const [bar, part] = [Math.floor(index / panel.parts.length), index % panel.parts.length];
    const count = panel.parts.length;
    return clamp(bar + down, 0, at.bars - 1) * count + clamp(part + right, 0, count - 1);
  },
  table: (panel) => [
    ["", ...panel.parts.map(({ label }) => label)],
    ...panel.labels.map((label, bar) => [
      label,
      ...panel.parts.map(({ values }) => exactText(values.data[bar], values.uncertainty(bar))),
    ]),
  ],
  numbers: (panel) => panel.parts.map(({ label, values }) => [label, values]),
  applies() {},
};
