// Where a plot has its axes and the names of its lines.

import { niceTicks, shortText } from "../drawing/numbers.js";
import { textWidth } from "../drawing/text.js";

/** Whether a series is a cloud of points, not a line. */
export const isCloud = (series) => series.style === "points";

export function layoutPlot(panel, width, paint) {
  const height = panel.height * paint.shrink;
  const font = paint.font(13.5, 600);
  const all = panel.series;
  const xs = all.flatMap((series) => Array.from(series.x.data));
  const ys = all.flatMap((series) => Array.from(series.y.data));
  let [xLow, xHigh, yLow, yHigh] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  if (yLow >= 0 && yLow < 0.4 * yHigh) yLow = 0;
  if (!(yHigh > yLow)) [yLow, yHigh] = [yLow - 0.5 * (Math.abs(yLow) || 1), yHigh + 0.5 * (Math.abs(yHigh) || 1)];
  if (!(xHigh > xLow)) [xLow, xHigh] = [xLow - 0.5, xHigh + 0.5];
  const pad = 0.05 * (yHigh - yLow);
  xLow = panel.start ?? xLow;
  yLow = panel.low ?? (yLow === 0 ? 0 : yLow - pad);
  yHigh = panel.high ?? (yHigh === 0 ? 0 : yHigh + pad);
  const yTicks = niceTicks(yLow, yHigh, Math.max(2, Math.floor(height / 55)));
  const left = 14 + Math.max(...yTicks.map((tick) => textWidth(shortText(tick, 3), paint.font(13))));
  const labelled = all.filter((series) => series.label);
  const lines = labelled.filter((series) => !isCloud(series));
  const widest = Math.max(0, ...lines.map((series) => textWidth(series.label, font)));
  const direct = lines.length > 0 && lines.length * 19 < height - 60 && widest < width * 0.3 && width > 420;
  const above = direct ? labelled.filter(isCloud) : labelled;
  const chips = chipPlaces(all.length > 1 || direct ? above : [], width - left, font);
  const top = 26 + (chips.lines ? chips.lines * 22 + 4 : 0);
  const right = direct ? widest + 16 : 12;
  const plotWidth = Math.max(60, Math.min(width - left - right, 860));
  const isCounted = xs.every(Number.isInteger); // layers have no halves
  const xTicks = niceTicks(xLow, xHigh, Math.max(2, Math.floor(plotWidth / 70))).filter(
    (tick) => !isCounted || Number.isInteger(tick),
  );
  const margin = all.some(isCloud) ? 0.02 * (xHigh - xLow) : 0;
  const lineXs = all.filter((series) => !isCloud(series)).flatMap((series) => Array.from(series.x.data));
  return {
    font,
    left,
    top,
    plotWidth,
    plotHeight: height,
    xLow: xLow - margin,
    xHigh: xHigh + margin,
    yLow,
    yHigh,
    xTicks,
    yTicks,
    direct,
    chips,
    lineXs: [...new Set(lineXs)].sort((a, b) => a - b),
    width,
    height: top + height + 44,
  };
}

/** The names of the series in rows above the plot. */
function chipPlaces(series, width, font) {
  const places = [];
  let [x, line] = [0, 0];
  for (const one of series) {
    const space = textWidth(one.label, font) + 44;
    if (x && x + space > width) [x, line] = [0, line + 1];
    places.push({ series: one, x, line });
    x += space;
  }
  return { places, lines: places.length ? line + 1 : 0 };
}
