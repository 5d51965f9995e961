// Lines and points over numbered axes.

import { clamp, exactText, shortText, valueText } from "../drawing/numbers.js";
import { withAlpha } from "../drawing/paint.js";
import { write } from "../drawing/text.js";
import { isCloud, layoutPlot } from "./plot_layout.js";

const DASHES = [[], [7, 4], [2, 3], [10, 3, 2, 3]];

export const PLOT = {
  layout: layoutPlot,
  x: (at, value) => at.left + ((value - at.xLow) / (at.xHigh - at.xLow)) * at.plotWidth,
  y: (at, value) => at.top + (1 - (value - at.yLow) / (at.yHigh - at.yLow)) * at.plotHeight,
  dash(panel, series) {
    const same = panel.series.filter((other) => other.quantity === series.quantity && !isCloud(other));
    return DASHES[Math.max(0, same.indexOf(series)) % DASHES.length];
  },
  draw(ctx, panel, at, paint) {
    this.drawAxes(ctx, panel, at, paint);
    ctx.save();
    ctx.beginPath();
    ctx.rect(at.left - 6, at.top - 6, at.plotWidth + 12, at.plotHeight + 12);
    ctx.clip();
    for (const series of panel.series) this.drawSeries(ctx, panel, series, at, paint);
    ctx.restore();
    for (const { series, x, line } of at.chips.places) {
      const [px, py] = [at.left + x, 32 + line * 22];
      ctx.strokeStyle = ctx.fillStyle = paint.colour(series.quantity);
      if (isCloud(series)) this.dot(ctx, px + 10, py, 4);
      else {
        ctx.lineWidth = 2.25;
        ctx.setLineDash(this.dash(panel, series));
        ctx.beginPath();
        ctx.moveTo(px, py);
        ctx.lineTo(px + 20, py);
        ctx.stroke();
        ctx.setLineDash([]);
      }
      write(ctx, series.label, px + 27, py, { font: at.font, colour: paint.colour(series.quantity) });
    }
    if (at.direct) this.drawDirectLabels(ctx, panel, at, paint);
  },
  dot(ctx, x, y, radius) {
    ctx.beginPath();
    ctx.arc(x, y, radius, 0, 2 * Math.PI);
    ctx.fill();
  },
  drawAxes(ctx, panel, at, paint) {
    const tick = paint.muted(13);
    write(ctx, panel.y_label, 4, 10, paint.muted(13.5, { width: at.width - 8 }));
    for (const value of at.yTicks) {
      const y = paint.snap(this.y(at, value));
      ctx.fillStyle = value === 0 ? paint.theme.faint : paint.theme.line;
      ctx.fillRect(at.left, y, at.plotWidth, 1 / Math.min(paint.ratio, 1.5));
      write(ctx, shortText(value, 3), at.left - 8, y, { ...tick, align: "right" });
    }
    ctx.fillStyle = paint.theme.faint;
    ctx.fillRect(at.left, paint.snap(at.top + at.plotHeight), at.plotWidth, 1);
    for (const value of at.xTicks) {
      const x = this.x(at, value);
      ctx.fillRect(paint.snap(x), at.top + at.plotHeight, 1, 4);
      write(ctx, shortText(value, 3), x, at.top + at.plotHeight + 14, { ...tick, align: "center" });
    }
    const label = paint.muted(13.5, { align: "center", width: at.plotWidth });
    write(ctx, panel.x_label, at.left + at.plotWidth / 2, at.top + at.plotHeight + 34, label);
  },
  drawSeries(ctx, panel, series, at, paint) {
    const colour = paint.colour(series.quantity);
    const [x, y] = [series.x.data, series.y.data];
    if (isCloud(series)) {
      const radius = x.length > 200 ? 2.2 : x.length > 60 ? 3 : 4.5;
      for (let i = 0; i < x.length; i++) {
        ctx.fillStyle = withAlpha(colour, x.length > 60 ? 0.5 : 0.85);
        this.dot(ctx, this.x(at, x[i]), this.y(at, y[i]), radius);
      }
      return;
    }
    ctx.strokeStyle = colour;
    ctx.lineWidth = 2.25;
    ctx.lineJoin = ctx.lineCap = "round";
    ctx.setLineDash(this.dash(panel, series));
    ctx.beginPath();
    for (let i = 0; i < x.length; i++) {
      const [px, py] = [this.x(at, x[i]), this.y(at, y[i])];
      if (!i) ctx.moveTo(px, py);
      else {
        if (series.style === "steps") ctx.lineTo(px, this.y(at, y[i - 1]));
        ctx.lineTo(px, py);
      }
    }
    ctx.stroke();
    ctx.setLineDash([]);
    if (x.length <= 40) {
      ctx.fillStyle = colour;
      for (let i = 0; i < x.length; i++) this.dot(ctx, this.x(at, x[i]), this.y(at, y[i]), 3);
    }
  },
  /** Each line's name at its right end, moved apart where they would touch. */
  drawDirectLabels(ctx, panel, at, paint) {
    const labels = panel.series
      .filter((series) => series.label && !isCloud(series) && series.x.shape[0])
      .map((series) => ({ series, y: this.y(at, series.y.data[series.y.shape[0] - 1]) }))
      .sort((a, b) => a.y - b.y);
    for (let i = 1; i < labels.length; i++) labels[i].y = Math.max(labels[i].y, labels[i - 1].y + 19);
    const bottom = at.top + at.plotHeight;
    for (let i = labels.length - 1; i >= 0; i--)
      labels[i].y = Math.min(labels[i].y, bottom - 19 * (labels.length - 1 - i));
    for (const { series, y } of labels) {
      const style = { font: at.font, colour: paint.colour(series.quantity) };
      write(ctx, series.label, at.left + at.plotWidth + 10, y, style);
    }
  },
  mark(ctx, panel, at, paint, hover) {
    const vertical = (value, colour, thickness, dash) => {
      const x = this.x(at, value);
      ctx.strokeStyle = colour;
      ctx.lineWidth = thickness;
      ctx.setLineDash(dash);
      ctx.beginPath();
      ctx.moveTo(x, at.top);
      ctx.lineTo(x, at.top + at.plotHeight);
      ctx.stroke();
      ctx.setLineDash([]);
    };
    if (panel.selected_x != null) {
      const x = this.x(at, panel.selected_x);
      ctx.fillStyle = withAlpha(paint.colour(panel.quantity), 0.1);
      ctx.fillRect(x - 9, at.top, 18, at.plotHeight);
      vertical(panel.selected_x, paint.colour(panel.quantity), 1.75, []);
      for (const each of this.linesAt(panel, panel.selected_x)) this.ring(ctx, each, at, paint, 4.5);
    }
    if (hover == null) return;
    if (hover < at.lineXs.length) {
      vertical(at.lineXs[hover], paint.theme.faint, 1, [3, 3]);
      for (const each of this.linesAt(panel, at.lineXs[hover])) this.ring(ctx, each, at, paint, 5);
      return;
    }
    this.ring(ctx, this.point(panel, at, hover), at, paint, 6.5);
  },
  ring(ctx, { series, index }, at, paint, radius) {
    ctx.fillStyle = paint.colour(series.quantity);
    ctx.strokeStyle = paint.theme.background;
    ctx.lineWidth = 2;
    this.dot(ctx, this.x(at, series.x.data[index]), this.y(at, series.y.data[index]), radius);
    ctx.stroke();
  },
  /** The lines that have a value at an x, and its number in each. */
  linesAt: (panel, x) =>
    panel.series
      .filter((series) => !isCloud(series))
      .map((series) => ({ series, index: series.x.data.indexOf(x) }))
      .filter(({ index }) => index >= 0),
  /**
   * Cells are first the x of all lines, then the points of all clouds.
   * @returns {any}
   */
  point(panel, at, cell) {
    let index = cell - at.lineXs.length;
    for (const series of index < 0 ? [] : panel.series.filter(isCloud)) {
      if (index < series.x.shape[0]) return { series, index };
      index -= series.x.shape[0];
    }
    return null;
  },
  hit(panel, at, x, y) {
    if (x < at.left - 12 || x > at.left + at.plotWidth + 12 || y < at.top - 8 || y > at.top + at.plotHeight + 24)
      return null;
    let [best, distance, cell] = [null, at.lineXs.length ? 12 : 40, at.lineXs.length];
    for (const series of panel.series.filter(isCloud)) {
      for (let i = 0; i < series.x.shape[0]; i++, cell++) {
        const here = Math.hypot(this.x(at, series.x.data[i]) - x, this.y(at, series.y.data[i]) - y);
        if (here < distance) [best, distance] = [cell, here];
      }
    }
    if (best != null || !at.lineXs.length) return best;
    const value = at.xLow + ((x - at.left) / at.plotWidth) * (at.xHigh - at.xLow);
    const away = at.lineXs.map((one) => Math.abs(one - value));
    return away.indexOf(Math.min(...away));
  },
  anchor(panel, at, cell) {
    if (cell < at.lineXs.length) return [this.x(at, at.lineXs[cell]), at.top + at.plotHeight * 0.3];
    const { series, index } = this.point(panel, at, cell);
    return [this.x(at, series.x.data[index]) + 6, this.y(at, series.y.data[index])];
  },
  describe(panel, cell, paint, at) {
    if (cell >= at.lineXs.length) {
      const { series, index } = this.point(panel, at, cell);
      const name = series.point_labels[index] ?? series.label;
      return [
        valueText(series.y.data[index], series.y.uncertainty(index)),
        ...(name ? [{ text: name, colour: paint.colour(series.quantity) }] : []),
        `${panel.x_label} ${shortText(series.x.data[index])}`,
      ];
    }
    const value = at.lineXs[cell];
    const height = ({ series, index }) => series.y.data[index];
    const rows = this.linesAt(panel, value).sort((a, b) => height(b) - height(a));
    const place = `${panel.x_label} ${shortText(value)}`;
    const text = ({ series, index }) =>
      valueText(series.y.data[index], series.y.uncertainty(index)) +
      (series.point_labels[index] ? ` · ${series.point_labels[index]}` : "");
    const colour = ({ series }) => paint.colour(series.quantity);
    if (rows.length === 1) {
      const [row] = rows;
      return [text(row), ...(row.series.label ? [{ text: row.series.label, colour: colour(row) }] : []), place];
    }
    const lines = rows.slice(0, 14).map((row) => ({ text: `${text(row)}  ${row.series.label}`, colour: colour(row) }));
    return [place, ...lines];
  },
  pick(panel, cell, at) {
    if (!panel.pick) return null;
    const point = this.point(panel, at, cell);
    return { [panel.pick]: Math.round(point ? point.series.x.data[point.index] : at.lineXs[cell]) };
  },
  chosen(panel, at) {
    const index = panel.selected_x == null || !at ? -1 : at.lineXs.indexOf(panel.selected_x);
    return index < 0 ? null : index;
  },
  move(panel, at, cell, right, down) {
    const count = panel.series.filter(isCloud).reduce((sum, one) => sum + one.x.shape[0], at.lineXs.length);
    return clamp(cell + right + down, 0, count - 1);
  },
  numbers: (panel) =>
    panel.series.flatMap(({ label, x, y }) => [
      [`${label} ${panel.x_label || "x"}`.trim(), x],
      [`${label} ${panel.y_label || "y"}`.trim(), y],
    ]),
  table(panel) {
    const rows = panel.series.flatMap((series) =>
      Array.from(series.x.data, (x, i) => [
        series.label,
        exactText(x, series.x.uncertainty(i)),
        exactText(series.y.data[i], series.y.uncertainty(i)),
        series.point_labels[i] ?? "",
      ]),
    );
    return [["series", panel.x_label || "x", panel.y_label || "y", "name"], ...rows];
  },
  canPick: (panel) => panel.pick,
  /** Of several lines at one x that which is nearest to the pointer; by keys one after the other. */
  origin(panel, cell, at, { y = NaN, turn = 0 } = {}) {
    if (cell >= at.lineXs.length) {
      const { series, index } = this.point(panel, at, cell);
      return [series.origin, { point: index, each: index }];
    }
    const here = this.linesAt(panel, at.lineXs[cell]).filter(({ series }) => series.origin);
    const away = ({ series, index }) => Math.abs(this.y(at, series.y.data[index]) - y);
    const found = Number.isNaN(y) ? here[turn % here.length] : here.sort((one, other) => away(one) - away(other))[0];
    return found ? [found.series.origin, { point: found.index, each: found.index }] : [];
  },
  drawSmall(ctx, panel, [left, top, plotWidth, plotHeight], paint) {
    const at = { ...this.layout(panel, 400, paint), left, top, plotWidth, plotHeight };
    for (const series of panel.series) this.drawSeries(ctx, panel, series, at, paint);
  },
  applies(panel, pick) {
    if (panel.pick && pick[panel.pick] !== undefined) panel.selected_x = pick[panel.pick];
  },
};
