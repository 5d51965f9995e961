// Lines and points over numbered axes.

import { clamp, exactText, shortText, valueText } from "../core/numbers.js";
import { withAlpha } from "../core/paint.js";
import { write } from "../core/text.js";
import { layoutPlot } from "./plot_layout.js";

const DASHES = [[], [7, 4], [2, 3], [10, 3, 2, 3]];

export const PLOT = {
  layout: layoutPlot,
  x: (at, value) => at.left + ((value - at.xLow) / (at.xHigh - at.xLow)) * at.plotWidth,
  y: (at, value) => at.top + (1 - (value - at.yLow) / (at.yHigh - at.yLow)) * at.plotHeight,
  dash(panel, series) {
    const same = panel.series.filter((other) => other.quantity === series.quantity && other.style !== "points");
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
      if (series.style === "points") this.dot(ctx, px + 10, py, 4);
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
    if (series.style === "points") {
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
      .filter((series) => series.label && series.style !== "points" && series.x.shape[0])
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
      this.ring(ctx, panel, at, paint, panel.selected_x, 4.5);
    }
    if (hover == null) return;
    if (hover < at.lineXs.length) {
      vertical(at.lineXs[hover], paint.theme.faint, 1, [3, 3]);
      this.ring(ctx, panel, at, paint, at.lineXs[hover], 5);
      return;
    }
    const { series, index } = this.point(panel, at, hover);
    ctx.fillStyle = paint.colour(series.quantity);
    ctx.strokeStyle = paint.theme.background;
    ctx.lineWidth = 2;
    this.dot(ctx, this.x(at, series.x.data[index]), this.y(at, series.y.data[index]), 6.5);
    ctx.stroke();
  },
  ring(ctx, panel, at, paint, value, radius) {
    for (const series of panel.series) {
      const index = series.style === "points" ? -1 : series.x.data.indexOf(value);
      if (index < 0) continue;
      ctx.fillStyle = paint.colour(series.quantity);
      ctx.strokeStyle = paint.theme.background;
      ctx.lineWidth = 2;
      this.dot(ctx, this.x(at, value), this.y(at, series.y.data[index]), radius);
      ctx.stroke();
    }
  },
  /** Cells are first the x of all lines, then the points of all clouds. */
  point(panel, at, cell) {
    let index = cell - at.lineXs.length;
    for (const series of panel.series.filter((one) => one.style === "points")) {
      if (index < series.x.shape[0]) return { series, index };
      index -= series.x.shape[0];
    }
    return null;
  },
  hit(panel, at, x, y) {
    if (x < at.left - 12 || x > at.left + at.plotWidth + 12 || y < at.top - 8 || y > at.top + at.plotHeight + 24)
      return null;
    let [best, distance, cell] = [null, at.lineXs.length ? 12 : 40, at.lineXs.length];
    for (const series of panel.series.filter((one) => one.style === "points")) {
      for (let i = 0; i < series.x.shape[0]; i++, cell++) {
        const away = Math.hypot(this.x(at, series.x.data[i]) - x, this.y(at, series.y.data[i]) - y);
        if (away < distance) [best, distance] = [cell, away];
      }
    }
    if (best != null || !at.lineXs.length) return best;
    const value = at.xLow + ((x - at.left) / at.plotWidth) * (at.xHigh - at.xLow);
    return at.lineXs.reduce(
      (nearest, one, i) => (Math.abs(one - value) < Math.abs(at.lineXs[nearest] - value) ? i : nearest),
      0,
    );
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
    const rows = panel.series
      .filter((series) => series.style !== "points")
      .map((series) => ({ series, index: series.x.data.indexOf(value) }))
      .filter(({ index }) => index >= 0)
      .sort((a, b) => b.series.y.data[b.index] - a.series.y.data[a.index]);
    const place = `${panel.x_label} ${shortText(value)}`;
    const text = ({ series, index }) =>
      valueText(series.y.data[index], series.y.uncertainty(index)) + (series.point_labels[index] ? ` · ${series.point_labels[index]}` : "");
    if (rows.length === 1)
      return [
        text(rows[0]),
        ...(rows[0].series.label
          ? [{ text: rows[0].series.label, colour: paint.colour(rows[0].series.quantity) }]
          : []),
        place,
      ];
    return [
      place,
      ...rows
        .slice(0, 14)
        .map((row) => ({ text: `${text(row)}  ${row.series.label}`, colour: paint.colour(row.series.quantity) })),
    ];
  },
  pick(panel, cell, at) {
    if (!panel.pick) return null;
    const value =
      cell < at.lineXs.length
        ? at.lineXs[cell]
        : (({ series, index }) => series.x.data[index])(this.point(panel, at, cell));
    return { [panel.pick]: Math.round(value) };
  },
  chosen(panel, at) {
    const index = panel.selected_x == null || !at ? -1 : at.lineXs.indexOf(panel.selected_x);
    return index < 0 ? null : index;
  },
  move(panel, at, cell, right, down) {
    const last =
      at.lineXs.length +
      panel.series.filter((one) => one.style === "points").reduce((sum, one) => sum + one.x.shape[0], 0) -
      1;
    return clamp(cell + right + down, 0, last);
  },
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
  origin(panel, cell, at, { y = null, turn = 0 } = {}) {
    if (cell >= at.lineXs.length) {
      const { series, index } = this.point(panel, at, cell);
      return [series.origin, { point: index, each: index }];
    }
    const here = panel.series
      .filter((series) => series.style !== "points" && series.origin)
      .map((series) => ({ series, index: series.x.data.indexOf(at.lineXs[cell]) }))
      .filter(({ index }) => index >= 0);
    const away = ({ series, index }) => Math.abs(this.y(at, series.y.data[index]) - y);
    const found = y == null ? here[turn % here.length] : here.sort((one, other) => away(one) - away(other))[0];
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
