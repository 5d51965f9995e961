// Vectors as strips of cells, bars, and lines over axes.

const STRIPS = {
  layout(panel, width, paint) {
    const font = paint.font(14, 600);
    const hasOperators = panel.strips.some((strip) => strip.operator);
    const gutter = hasOperators ? 24 : 0;
    const widest = Math.max(...panel.strips.map((strip) => textWidth(strip.label, font)));
    const above = widest + gutter > width * 0.3; // no room beside the cells: the label goes over them
    const left = 4 + gutter + (above ? 0 : widest + 14);
    const cellHeight = 26;
    const pitch = cellHeight + (above ? 34 : 14);
    const longest = Math.max(...panel.strips.map((strip) => strip.values.shape[0]));
    const cell = Math.min((width - left - 8) / longest, 30);
    const legends = this.legends(panel, paint);
    const sums = panel.strips.filter((strip) => strip.operator === "=").length;
    const own = legends.length > 2; // every strip its own: said in words, and in the tooltip
    const note = own ? "every row has its own scale" : "";
    for (const one of legends) {
      one.note = panel.strips.length === 1 ? "" : legends.length === 1 ? "one scale for all" : one.labels.join(", ");
      one.height = legendHeight(one.scale, one.note, width - left, paint);
    }
    const legend = own ? 24 : legends.reduce((sum, one) => sum + one.height, 0);
    return { above, left, gutter, cellHeight, pitch, longest, cell, legends: own ? [] : legends, note, width, font, height: 6 + panel.strips.length * pitch + 6 * sums + legend };
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
      stretch(ctx, heatImage(strip.values.data, 0, 1, count, strip.scale, table), at.left, y, width, at.cellHeight, paint);
      ctx.strokeStyle = paint.theme.line;
      ctx.lineWidth = 1;
      ctx.strokeRect(at.left - 0.5, y - 0.5, width + 1, at.cellHeight + 1);
      if (at.cell >= 12) {
        ctx.fillStyle = paint.theme.background;
        for (let c = 1; c < count; c++) ctx.fillRect(at.left + c * at.cell - 0.5, y, 1, at.cellHeight);
      }
      const middle = y + at.cellHeight / 2;
      const label = { font: at.font, colour: paint.colour(strip.quantity) };
      if (at.above) write(ctx, strip.label, at.left, y - 11, { ...label, width: at.width - at.left });
      else write(ctx, strip.label, 4 + at.gutter, middle, label);
      if (strip.operator) write(ctx, strip.operator, 12, middle, { font: paint.font(18), colour: paint.theme.muted, align: "center" });
      if (strip.operator === "=") {
        ctx.fillStyle = paint.theme.faint;
        ctx.fillRect(4, paint.snap(y - (at.above ? 25 : 10)), Math.max(width + at.left - 4, 40), 1 / paint.ratio);
      }
    });
    let y = at.height - at.legends.reduce((sum, one) => sum + one.height, 0);
    for (const { scale, table, labels, note, height } of at.legends) {
      const data = panel.strips.filter((strip) => labels.includes(strip.label)).map((strip) => exceeds(strip.values.data, scale));
      const outside = [data.some(([low]) => low), data.some(([, high]) => high)];
      drawLegendBlock(ctx, at.left, y, at.width - at.left, height, { scale, table, outside, note }, paint);
      y += height;
    }
    if (at.note) write(ctx, at.note, at.left, at.height - 12, { font: paint.font(12), colour: paint.theme.muted });
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
    const index = panel.strips.findIndex((_, i) => y >= this.top(panel, at, i) - 4 && y <= this.top(panel, at, i) + at.cellHeight + 4);
    return index < 0 || column < 0 || column >= panel.strips[index].values.shape[0] ? null : index * at.longest + column;
  },
  anchor: (panel, at, cell) => [at.left + ((cell % at.longest) + 1) * at.cell, STRIPS.top(panel, at, Math.floor(cell / at.longest))],
  describe(panel, cell, paint, at) {
    const [index, column] = [Math.floor(cell / at.longest), cell % at.longest];
    const { label, values } = panel.strips[index];
    const others = panel.strips
      .filter((strip) => column < strip.values.shape[0])
      .map((strip) => ({ text: `${strip.operator ? `${strip.operator} ` : ""}${strip.label}  ${valueText(strip.values.data[column], strip.values.uncertainty(column))}`, colour: paint.colour(strip.quantity) }));
    return [valueText(values.data[column], values.uncertainty(column)), `${label}, number ${column}`, ...(panel.strips.length > 1 ? others : [])];
  },
  pick: () => null,
  chosen: () => null,
  move(panel, at, cell, right, down) {
    const index = clamp(Math.floor(cell / at.longest) + down, 0, panel.strips.length - 1);
    return index * at.longest + clamp((cell % at.longest) + right, 0, panel.strips[index].values.shape[0] - 1);
  },
  table: (panel) => panel.strips.map(({ label, values }) => [label, ...Array.from(values.data, (value, i) => exactText(value, values.uncertainty(i)))]),
  applies() {},
};

const BARS = {
  layout(panel, width, paint) {
    const font = paint.font(13.5);
    const values = panel.values.data;
    const texts = Array.from(values, (value) => formatText(value, panel.format));
    const valueWidth = Math.max(...texts.map((text) => textWidth(text, paint.font(13.5, 600)))) + 10;
    const labelWidth = Math.min(Math.max(...panel.labels.map((label) => textWidth(label, paint.font(13.5, 650)))) + 12, width * 0.42);
    const low = panel.low ?? Math.min(0, ...values);
    const high = panel.high ?? Math.max(0, ...values);
    const pitch = panel.labels.length > 14 ? 24 : 30;
    const room = Math.max(20, Math.min(width - labelWidth - 8 - valueWidth - (low < 0 ? valueWidth : 0), 620));
    return { font, texts, labelWidth, low, high: high > low ? high : low + 1, pitch, room, start: 4 + labelWidth + (low < 0 ? valueWidth : 0), width, height: 6 + panel.labels.length * pitch };
  },
  x: (at, value) => at.start + ((clamp(value, at.low, at.high) - at.low) / (at.high - at.low)) * at.room,
  draw(ctx, panel, at, paint) {
    const colour = paint.colour(panel.quantity);
    const zero = this.x(at, clamp(0, at.low, at.high));
    panel.labels.forEach((label, i) => {
      const middle = 3 + (i + 0.5) * at.pitch;
      const isChosen = panel.selected === i;
      const strong = panel.selected == null || isChosen;
      write(ctx, label, at.start - (at.low < 0 ? at.start - 4 : at.labelWidth), middle, { font: isChosen ? at.font.replace("400", "650") : at.font, colour: strong ? paint.theme.text : paint.theme.muted, width: at.labelWidth - 10 });
      const value = panel.values.data[i];
      const end = this.x(at, value);
      ctx.fillStyle = paint.theme.surface;
      ctx.fillRect(at.start, middle - at.pitch * 0.29, at.room, at.pitch * 0.58);
      ctx.fillStyle = strong ? colour : withAlpha(colour, 0.42);
      ctx.beginPath();
      ctx.roundRect(Math.min(zero, end), middle - at.pitch * 0.29, Math.max(1, Math.abs(end - zero)), at.pitch * 0.58, value < 0 ? [3, 0, 0, 3] : [0, 3, 3, 0]);
      ctx.fill();
      write(ctx, at.texts[i], value < 0 ? end - 7 : end + 7, middle, { font: paint.font(13.5, isChosen ? 650 : 500), colour: strong ? paint.theme.text : paint.theme.muted, align: value < 0 ? "right" : "left" });
    });
    ctx.fillStyle = paint.theme.faint;
    ctx.fillRect(paint.snap(zero), 3, 1, panel.labels.length * at.pitch);
  },
  mark(ctx, panel, at, paint, hover) {
    if (hover == null) return;
    ctx.fillStyle = withAlpha(paint.theme.text, 0.06);
    ctx.beginPath();
    ctx.roundRect(0, 3 + hover * at.pitch, at.width, at.pitch, 5);
    ctx.fill();
  },
  hit(panel, at, x, y) {
    const index = Math.floor((y - 3) / at.pitch);
    return index < 0 || index >= panel.labels.length ? null : index;
  },
  anchor: (panel, at, cell) => [at.start + at.room * 0.6, 3 + (cell + 1) * at.pitch],
  describe: (panel, cell) => [valueText(panel.values.data[cell], panel.values.uncertainty(cell)), panel.labels[cell]],
  pick: (panel, cell) => panel.picks[cell] ?? null,
  chosen: (panel) => panel.selected ?? null,
  move: (panel, at, cell, right, down) => clamp(cell + down + right, 0, panel.labels.length - 1),
  table: (panel) => [["name", "value"], ...panel.labels.map((label, i) => [label, exactText(panel.values.data[i], panel.values.uncertainty(i))])],
  applies: (panel, pick) => TILES.applies(panel, pick),
};

const DASHES = [[], [7, 4], [2, 3], [10, 3, 2, 3]];

const PLOT = {
  layout(panel, width, paint) {
    const font = paint.font(12.5, 600);
    const all = panel.series;
    const xs = all.flatMap((series) => Array.from(series.x.data));
    const ys = all.flatMap((series) => Array.from(series.y.data));
    let [xLow, xHigh, yLow, yHigh] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
    if (yLow >= 0 && yLow < 0.4 * yHigh) yLow = 0;
    if (!(yHigh > yLow)) [yLow, yHigh] = [yLow - 0.5 * (Math.abs(yLow) || 1), yHigh + 0.5 * (Math.abs(yHigh) || 1)];
    if (!(xHigh > xLow)) [xLow, xHigh] = [xLow - 0.5, xHigh + 0.5];
    const pad = 0.05 * (yHigh - yLow);
    [yLow, yHigh] = [yLow === 0 ? 0 : yLow - pad, yHigh === 0 ? 0 : yHigh + pad];
    const yTicks = niceTicks(yLow, yHigh, Math.max(2, Math.floor(panel.height / 55)));
    const left = 14 + Math.max(...yTicks.map((tick) => textWidth(shortText(tick, 3), paint.font(12))));
    const labelled = all.filter((series) => series.label);
    const lines = labelled.filter((series) => series.style !== "points");
    const widest = Math.max(0, ...lines.map((series) => textWidth(series.label, font)));
    const direct = lines.length > 0 && lines.length * 16 < panel.height - 60 && widest < width * 0.3 && width > 420;
    const chips = this.chips(direct ? labelled.filter((series) => series.style === "points") : labelled, width - left, font, all.length > 1 || direct);
    const top = 26 + (chips.lines ? chips.lines * 22 + 4 : 0);
    const right = direct ? widest + 16 : 12;
    const plotWidth = Math.max(60, Math.min(width - left - right, 860));
    const xTicks = niceTicks(xLow, xHigh, Math.max(2, Math.floor(plotWidth / 70)));
    const margin = all.some((series) => series.style === "points") ? 0.02 * (xHigh - xLow) : 0;
    const lineXs = [...new Set(all.filter((series) => series.style !== "points").flatMap((series) => Array.from(series.x.data)))].sort((a, b) => a - b);
    return { font, left, top, plotWidth, plotHeight: panel.height, xLow: xLow - margin, xHigh: xHigh + margin, yLow, yHigh, xTicks, yTicks, direct, chips, lineXs, width, height: top + panel.height + 44 };
  },
  /** The names of the series in rows above the plot. */
  chips(series, width, font, wanted) {
    const places = [];
    let [x, line] = [0, 0];
    for (const one of wanted ? series : []) {
      const space = textWidth(one.label, font) + 44;
      if (x && x + space > width) [x, line] = [0, line + 1];
      places.push({ series: one, x, line });
      x += space;
    }
    return { places, lines: places.length ? line + 1 : 0 };
  },
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
    const tick = { font: paint.font(12), colour: paint.theme.muted };
    write(ctx, panel.y_label, 4, 10, { font: paint.font(12.5), colour: paint.theme.muted, width: at.width - 8 });
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
    write(ctx, panel.x_label, at.left + at.plotWidth / 2, at.top + at.plotHeight + 34, { font: paint.font(12.5), colour: paint.theme.muted, align: "center", width: at.plotWidth });
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
    for (let i = 1; i < labels.length; i++) labels[i].y = Math.max(labels[i].y, labels[i - 1].y + 16);
    const bottom = at.top + at.plotHeight;
    for (let i = labels.length - 1; i >= 0; i--) labels[i].y = Math.min(labels[i].y, bottom - 16 * (labels.length - 1 - i));
    for (const { series, y } of labels) {
      write(ctx, series.label, at.left + at.plotWidth + 10, y, { font: at.font, colour: paint.colour(series.quantity) });
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
    if (x < at.left - 12 || x > at.left + at.plotWidth + 12 || y < at.top - 8 || y > at.top + at.plotHeight + 24) return null;
    let [best, distance, cell] = [null, at.lineXs.length ? 12 : 40, at.lineXs.length];
    for (const series of panel.series.filter((one) => one.style === "points")) {
      for (let i = 0; i < series.x.shape[0]; i++, cell++) {
        const away = Math.hypot(this.x(at, series.x.data[i]) - x, this.y(at, series.y.data[i]) - y);
        if (away < distance) [best, distance] = [cell, away];
      }
    }
    if (best != null || !at.lineXs.length) return best;
    const value = at.xLow + ((x - at.left) / at.plotWidth) * (at.xHigh - at.xLow);
    return at.lineXs.reduce((nearest, one, i) => (Math.abs(one - value) < Math.abs(at.lineXs[nearest] - value) ? i : nearest), 0);
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
      return [shortText(series.y.data[index]), ...(name ? [{ text: name, colour: paint.colour(series.quantity) }] : []), `${panel.x_label} ${shortText(series.x.data[index])}`];
    }
    const value = at.lineXs[cell];
    const rows = panel.series
      .filter((series) => series.style !== "points")
      .map((series) => ({ series, index: series.x.data.indexOf(value) }))
      .filter(({ index }) => index >= 0)
      .sort((a, b) => b.series.y.data[b.index] - a.series.y.data[a.index]);
    const place = `${panel.x_label} ${shortText(value)}`;
    const text = ({ series, index }) => shortText(series.y.data[index]) + (series.point_labels[index] ? ` · ${series.point_labels[index]}` : "");
    if (rows.length === 1) return [text(rows[0]), ...(rows[0].series.label ? [{ text: rows[0].series.label, colour: paint.colour(rows[0].series.quantity) }] : []), place];
    return [place, ...rows.slice(0, 14).map((row) => ({ text: `${text(row)}  ${row.series.label}`, colour: paint.colour(row.series.quantity) }))];
  },
  pick(panel, cell, at) {
    if (!panel.pick) return null;
    const value = cell < at.lineXs.length ? at.lineXs[cell] : (({ series, index }) => series.x.data[index])(this.point(panel, at, cell));
    return { [panel.pick]: Math.round(value) };
  },
  chosen(panel, at) {
    const index = panel.selected_x == null || !at ? -1 : at.lineXs.indexOf(panel.selected_x);
    return index < 0 ? null : index;
  },
  move(panel, at, cell, right, down) {
    const last = at.lineXs.length + panel.series.filter((one) => one.style === "points").reduce((sum, one) => sum + one.x.shape[0], 0) - 1;
    return clamp(cell + right + down, 0, last);
  },
  table(panel) {
    const rows = panel.series.flatMap((series) =>
      Array.from(series.x.data, (x, i) => [series.label, exactText(x), exactText(series.y.data[i]), series.point_labels[i] ?? ""]),
    );
    return [["series", panel.x_label || "x", panel.y_label || "y", "name"], ...rows];
  },
  applies(panel, pick) {
    if (panel.pick && pick[panel.pick] !== undefined) panel.selected_x = pick[panel.pick];
  },
};
