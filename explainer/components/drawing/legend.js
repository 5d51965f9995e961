// The legend of a scale: its colours between its two values.

import { clamp, shortText } from "./numbers.js";
import { roundBox } from "./strokes.js";
import { textWidth, wrapped, write } from "./text.js";

const LEGEND_HEIGHT = 30;
const NOTE_LINE = 20;
const LONG_ENDS = "≤ −0.0246≥ 0.0246"; // the two ends of a scale at their longest

/** Whether any value lies outside the scale, so that its ends mean "at least" and "at most". */
export function exceeds(data, { low, high }) {
  const slack = 1e-4 * Math.abs(high - low);
  let [below, above] = [false, false];
  for (const value of data) {
    if (value < low - slack) below = true;
    if (value > high + slack) above = true;
    if (below && above) break;
  }
  return [below, above];
}

/** A bar of the scale's colours between its two values, and what there is to say about it. */
export function drawLegend(ctx, x, y, width, { scale, table, outside = [false, false], note = "" }, paint) {
  const font = paint.font(13);
  const colour = paint.theme.muted;
  const middle = y + 17;
  const low = (outside[0] ? "≤ " : "") + shortText(scale.low, 3);
  const high = (outside[1] ? "≥ " : "") + shortText(scale.high, 3);
  const lowWidth = textWidth(low, font);
  const highWidth = textWidth(high, font);
  const bar = clamp(width - lowWidth - highWidth - 16, 24, 132);
  write(ctx, low, x, middle, { font, colour });
  const start = x + lowWidth + 7;
  const gradient = ctx.createLinearGradient(start, 0, start + bar, 0);
  for (let i = 0; i <= 16; i++) {
    const index = 4 * Math.round((i / 16) * 255);
    gradient.addColorStop(i / 16, `rgb(${table[index]},${table[index + 1]},${table[index + 2]})`);
  }
  roundBox(ctx, [start, middle - 4.5, bar, 9], 3, { fill: gradient, line: paint.theme.line });
  if (scale.diverging) {
    ctx.fillStyle = paint.theme.muted;
    ctx.fillRect(paint.snap(start + bar / 2), middle - 6.5, 1, 13);
  }
  write(ctx, high, start + bar + 7, middle, { font, colour });
  const used = lowWidth + bar + highWidth + 14;
  if (note && width - used > 60) write(ctx, note, x + used + 14, middle, { font, colour, width: width - used - 14 });
  return used;
}

/** The legend's height, the same for all values: one line if the note fits beside the longest numbers, else more. */
export function legendHeight(scale, note, width, paint) {
  const font = paint.font(13);
  if (!scale) return note ? 6 + NOTE_LINE * wrapped(note, width, font).length : 0;
  const ends = textWidth(LONG_ENDS, font) + 36;
  const bar = clamp(width - ends, 24, 132);
  return note && ends + bar + textWidth(note, font) > width
    ? LEGEND_HEIGHT + NOTE_LINE * wrapped(note, width, font).length
    : LEGEND_HEIGHT;
}

export function drawLegendBlock(ctx, x, y, width, height, legend, paint) {
  const below = height > LEGEND_HEIGHT;
  drawLegend(ctx, x, y, width, { ...legend, note: below ? "" : legend.note }, paint);
  if (below) drawNote(ctx, legend.note, x, y + LEGEND_HEIGHT + 7, width, paint);
}

export function drawNote(ctx, text, x, y, width, paint) {
  const style = paint.muted(13);
  wrapped(text, width, style.font).forEach((line, i) => write(ctx, line, x, y + NOTE_LINE * i, style));
}
