// Horizontal bars with their values written out.

import { clamp, exactText, formatText, shiftText, shortText, valueText } from "../drawing/numbers.js";
import { withAlpha } from "../drawing/paint.js";
import { roundBox } from "../drawing/strokes.js";
import { textWidth, write } from "../drawing/text.js";
import { cellWithin } from "./small.js";
import { chooseAmong } from "./tiles.js";

export const BARS = {
  layout(panel, width, paint) {
    const font = paint.font(13.5);
    const values = panel.values.data;
    const before = panel.before?.data;
    const shifts = before ? Array.from(values, (value, i) => shiftText(value - before[i], panel.format)) : [];
    const texts = Array.from(values, (value, i) => formatText(value, panel.format) + (before ? `  ${shifts[i]}` : ""));
    const valueWidth = Math.max(...texts.map((text) => textWidth(text, paint.font(13.5, 600)))) + 10;
    const labelWidth = Math.min(
      Math.max(...panel.labels.map((label) => textWidth(label, paint.font(13.5, 650)))) + 12,
      width * 0.42,
    );
    const low = panel.low ?? Math.min(0, ...values, ...(before ?? []));
    const high = panel.high ?? Math.max(0, ...values, ...(before ?? []));
    const pitch = (panel.labels.length > 14 ? 24 : 30) + (before ? 8 : 0);
    const room = Math.max(20, Math.min(width - labelWidth - 8 - valueWidth - (low < 0 ? valueWidth : 0), 620));
    return {
      font,
      texts,
      labelWidth,
      low,
      high: high > low ? high : low + 1,
      pitch,
      room,
      start: 4 + labelWidth + (low < 0 ? valueWidth : 0),
      width,
      height: 6 + panel.labels.length * pitch,
    };
  },
  x: (at, value) => at.start + ((clamp(value, at.low, at.high) - at.low) / (at.high - at.low)) * at.room,
  draw(ctx, panel, at, paint) {
    const colour = paint.colour(panel.quantity);
    const zero = this.x(at, clamp(0, at.low, at.high));
    panel.labels.forEach((label, i) => {
      const middle = 3 + (i + 0.5) * at.pitch;
      const isChosen = panel.selected === i;
      const strong = panel.selected == null || isChosen;
      write(ctx, label, at.start - (at.low < 0 ? at.start - 4 : at.labelWidth), middle, {
        font: isChosen ? at.font.replace("400", "650") : at.font,
        colour: strong ? paint.theme.text : paint.theme.muted,
        width: at.labelWidth - 10,
      });
      const value = panel.values.data[i];
      const end = this.x(at, value);
      ctx.fillStyle = paint.theme.surface;
      ctx.fillRect(at.start, middle - at.pitch * 0.29, at.room, at.pitch * 0.58);
      const bar = (to, top, share, style) => {
        const [left, width] = [Math.min(zero, to), Math.max(1, Math.abs(to - zero))];
        const corners = to < zero ? [3, 0, 0, 3] : [0, 3, 3, 0];
        roundBox(ctx, [left, middle + at.pitch * top, width, at.pitch * share], corners, { fill: style });
      };
      const style = strong ? colour : withAlpha(colour, 0.42);
      let furthest = end;
      if (panel.before) {
        const was = this.x(at, panel.before.data[i]);
        furthest = value < 0 ? Math.min(end, was) : Math.max(end, was);
        bar(was, -0.29, 0.22, withAlpha(colour, 0.3));
        bar(end, -0.05, 0.34, style);
      } else bar(end, -0.29, 0.58, style);
      write(ctx, at.texts[i], value < 0 ? furthest - 7 : furthest + 7, middle, {
        font: paint.font(13.5, isChosen ? 650 : 500),
        colour: strong ? paint.theme.text : paint.theme.muted,
        align: value < 0 ? "right" : "left",
      });
    });
    ctx.fillStyle = paint.theme.faint;
    ctx.fillRect(paint.snap(zero), 3, 1, panel.labels.length * at.pitch);
  },
  mark(ctx, panel, at, paint, hover) {
    if (hover == null) return;
    roundBox(ctx, [0, 3 + hover * at.pitch, at.width, at.pitch], 5, { fill: withAlpha(paint.theme.text, 0.06) });
  },
  hit(panel, at, x, y) {
    const index = Math.floor((y - 3) / at.pitch);
    return index < 0 || index >= panel.labels.length ? null : index;
  },
  anchor: (panel, at, cell) => [at.start + at.room * 0.6, 3 + (cell + 1) * at.pitch],
  describe(panel, cell) {
    const lines = [valueText(panel.values.data[cell], panel.values.uncertainty(cell)), panel.labels[cell]];
    if (!panel.before) return lines;
    const before = panel.before.data[cell];
    return [...lines, `before: ${shortText(before)}`, `difference: ${shortText(panel.values.data[cell] - before)}`];
  },
  pick: (panel, cell) => panel.picks[cell] ?? null,
  chosen: (panel) => panel.selected ?? null,
  move: (panel, at, cell, right, down) => clamp(cell + down + right, 0, panel.labels.length - 1),
  table: (panel) => [
    ["name", "value", ...(panel.before ? ["before"] : [])],
    ...panel.labels.map((label, i) => [
      label,
      exactText(panel.values.data[i], panel.values.uncertainty(i)),
      ...(panel.before ? [exactText(panel.before.data[i], panel.before.uncertainty(i))] : []),
    ]),
  ],
  numbers: ({ values, before }) => [["values", values], ...(before ? [["before", before]] : [])],
  canPick: (panel) => panel.picks.length,
  origin: (panel, cell) => [panel.origin, { bar: cell, listed: panel.origin?.listed[cell], each: cell }],
  small(panel, [x, y, width, height]) {
    const pitch = Math.min(height / panel.labels.length, 18);
    const tall = pitch * panel.labels.length;
    return [x, y + (height - tall) / 2, width, tall];
  },
  drawSmall(ctx, panel, box, paint) {
    const [x, top, width, tall] = this.small(panel, box);
    const pitch = tall / panel.labels.length;
    const most = Math.max(...panel.values.data.map(Math.abs)) || 1;
    panel.labels.forEach((label, i) => {
      const middle = top + (i + 0.5) * pitch;
      const strength = panel.selected == null || panel.selected === i ? 0.45 : 0.22;
      ctx.fillStyle = withAlpha(paint.colour(panel.quantity), strength);
      ctx.fillRect(x, middle - pitch / 2 + 1, Math.max(1, (width * Math.abs(panel.values.data[i])) / most), pitch - 2);
      if (pitch >= 12)
        write(ctx, label, x + 5, middle + 0.5, { font: paint.font(12), colour: paint.theme.text, width: width - 8 });
    });
  },
  smallCell: (panel, box, place) => cellWithin(BARS.small(panel, box), panel.labels.length, 1, place),
  applies: (panel, pick) => chooseAmong(panel, pick),
};
