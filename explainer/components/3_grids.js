// Pictures, matrices and tiles: what is made of cells.
//
// Every kind of panel is an object of pure functions. `layout` says where things lie for a width, `draw` paints what
// stays, `mark` paints what is chosen and what the pointer is on, `hit` finds the cell (a whole number) at a place,
// `describe` says what a cell holds, `pick` what a click on it chooses, `move` where an arrow key leads, `table` the
// numbers for a file.

const PICTURE_LIMIT = 460; // CSS pixels; larger shows no more of a picture of 64 to 384 pixels

const heatAlpha = (t) => 0.06 + 0.88 * Math.min(1, 1.5 * t); // little weight: the picture; much: the colour
const DIMMED = { light: 0.42, dark: 0.5 }; // how far the picture under a heat map moves towards the page

/** The picture with what is laid over it, drawn into a rectangle; used large, in tiles and in thumbnails. */
function paintPicture(ctx, panel, x, y, width, height, paint) {
  const { pixels, overlay, scale, mode, smooth } = panel;
  const heat = overlay && mode !== "spotlight";
  const background = colourOf(paint.theme.background);
  const key = heat ? paint.theme.scheme : "plain";
  panel.images ??= {};
  panel.images[key] ??= pixelImage(pixels, 0, heat ? DIMMED[paint.theme.scheme] : 0, background);
  const isCoarse = (width * paint.ratio) / pixels.shape[1] >= 4;
  ctx.imageSmoothingEnabled = !isCoarse;
  ctx.imageSmoothingQuality = "high";
  ctx.drawImage(panel.images[key], x, y, width, height);
  if (!overlay) return;
  const size = overlay.shape[0];
  const factor = smooth ? 8 : 1;
  const values = smooth ? smoothed(overlay.data, 0, size, factor) : overlay.data;
  ctx.save();
  if (heat) {
    const image = heatImage(values, 0, size * factor, size * factor, scale, paint.table(panel.quantity, scale), heatAlpha);
    stretch(ctx, image, x, y, width, height, paint, smooth);
  } else {
    ctx.globalCompositeOperation = "multiply";
    const image = heatImage(values, 0, size * factor, size * factor, scale, colourTable(LIGHT_TABLE));
    stretch(ctx, image, x, y, width, height, paint, smooth);
  }
  ctx.restore();
}

function paintGrid(ctx, x, y, width, height, size, paint) {
  ctx.save();
  const line = 1 / paint.ratio;
  for (const [offset, style] of [[0, "rgba(255,255,255,.42)"], [line, "rgba(0,0,0,.28)"]]) {
    ctx.fillStyle = style;
    for (let i = 1; i < size; i++) {
      ctx.fillRect(x + paint.snap((i * width) / size) - line + offset, y, line, height);
      ctx.fillRect(x, y + paint.snap((i * height) / size) - line + offset, width, line);
    }
  }
  ctx.restore();
}

const tokenColour = (panel, token, paint) =>
  paint.colour(token === 0 ? "class_token" : panel.quantity === "image" ? "z" : panel.quantity);

/** Whether the class token has a place of its own above the picture. */
const hasClassToken = (panel) => Boolean(panel.grid_size && (panel.pick_tokens || panel.token === 0));

const PICTURE = {
  layout(panel, width, paint) {
    const [height, breadth] = panel.pixels.shape;
    const grid = panel.grid_size ?? 1;
    const step = grid / paint.ratio;
    const size = Math.max(step, Math.floor(Math.min(width - 8, PICTURE_LIMIT) / step) * step);
    const top = hasClassToken(panel) || panel.leavesPlace ? 38 : 4;
    const tall = paint.snap((size * height) / breadth / grid) * grid;
    const note = panel.overlay ? (panel.mode === "spotlight" ? "light of the picture" : "") : "";
    const legend = panel.overlay ? legendHeight(panel.scale, note, size, paint) : 0;
    return { x: 4, y: top, width: size, tall, note, legend, hasClassToken: hasClassToken(panel), height: top + tall + 4 + (legend ? legend + 2 : 0) };
  },
  cell(panel, at, token) {
    const size = panel.grid_size;
    const [width, height] = [at.width / size, at.tall / size];
    const row = Math.floor((token - 1) / size);
    return [at.x + (token - 1 - row * size) * width, at.y + row * height, width, height];
  },
  draw(ctx, panel, at, paint) {
    paintPicture(ctx, panel, at.x, at.y, at.width, at.tall, paint);
    if (panel.grid_size) paintGrid(ctx, at.x, at.y, at.width, at.tall, panel.grid_size, paint);
    if (at.hasClassToken) {
      const colour = paint.colour("class_token");
      ctx.fillStyle = withAlpha(colour, panel.token === 0 ? 0.9 : 0.16);
      ctx.strokeStyle = colour;
      ctx.lineWidth = 1.25;
      ctx.beginPath();
      ctx.roundRect(at.x + 1, 7, 20, 20, 4);
      ctx.fill();
      ctx.stroke();
      const text = panel.token === 0 ? "class token, chosen: it has no place on the picture" : "class token";
      write(ctx, text, at.x + 32, 17.5, { font: paint.font(13), colour: panel.token === 0 ? colour : paint.theme.muted, width: at.width - 32 });
    }
    if (panel.overlay) {
      const table = panel.mode === "spotlight" ? colourTable(LIGHT_TABLE) : paint.table(panel.quantity, panel.scale);
      const outside = exceeds(panel.overlay.data, panel.scale);
      drawLegendBlock(ctx, at.x, at.y + at.tall + 4, at.width, at.legend, { scale: panel.scale, table, outside, note: at.note }, paint);
    }
  },
  mark(ctx, panel, at, paint, hover) {
    if (!panel.grid_size) return;
    if (panel.token > 0) outline(ctx, ...this.cell(panel, at, panel.token), tokenColour(panel, panel.token, paint));
    if (panel.token === 0 && at.hasClassToken) outline(ctx, at.x + 1, 7, 20, 20, paint.colour("class_token"), { radius: 4 });
    if (hover > 0 && hover !== panel.token) hoverFrame(ctx, ...this.cell(panel, at, hover));
    if (hover === 0 && panel.token !== 0) hoverFrame(ctx, at.x + 1, 7, 20, 20, 4);
  },
  hit(panel, at, x, y) {
    if (at.hasClassToken && y < at.y - 4 && x < at.x + 130) return 0;
    const size = panel.grid_size;
    const [columns, rows] = size ? [size, size] : [panel.pixels.shape[1], panel.pixels.shape[0]];
    const column = Math.floor(((x - at.x) / at.width) * columns);
    const row = Math.floor(((y - at.y) / at.tall) * rows);
    if (column < 0 || row < 0 || column >= columns || row >= rows) return null;
    return row * columns + column + (size ? 1 : 0);
  },
  anchor(panel, at, cell) {
    if (!panel.grid_size) return null;
    const [x, y, width] = cell > 0 ? this.cell(panel, at, cell) : [at.x, 7, 20];
    return [x + width, y];
  },
  describe(panel, cell) {
    if (!panel.grid_size) {
      const width = panel.pixels.shape[1];
      const rgb = [...panel.pixels.data.slice(3 * cell, 3 * cell + 3)];
      return [`red ${rgb[0]}, green ${rgb[1]}, blue ${rgb[2]}`, `pixel row ${Math.floor(cell / width)}, column ${cell % width}`];
    }
    if (cell === 0) return ["class token", "has no place on the picture"];
    const [name, place] = tokenText(cell, panel.grid_size).split(" · ");
    if (!panel.overlay) return [name, place];
    return [valueText(panel.overlay.data[cell - 1], panel.overlay.uncertainty(cell - 1)), name, place];
  },
  pick: (panel, cell) => (panel.pick_tokens && panel.grid_size ? { token: cell } : null),
  chosen: (panel) => panel.token ?? null,
  move(panel, at, cell, right, down) {
    const size = panel.grid_size;
    if (!size) return cell;
    if (cell === 0) return right > 0 || down > 0 ? 1 : 0;
    const row = Math.floor((cell - 1) / size) + down;
    if (row < 0 && at.hasClassToken) return 0;
    return clamp(row, 0, size - 1) * size + clamp(((cell - 1) % size) + right, 0, size - 1) + 1;
  },
  table(panel) {
    if (panel.overlay) {
      const size = panel.overlay.shape[0];
      return [
        ["token", "patch row", "patch column", "value"],
        ...Array.from(panel.overlay.data, (value, i) => [i + 1, Math.floor(i / size) + 1, (i % size) + 1, exactText(value, panel.overlay.uncertainty(i))]),
      ];
    }
    const [height, width] = panel.pixels.shape;
    const { data } = panel.pixels;
    const rows = Array.from({ length: height * width }, (_, i) => [Math.floor(i / width), i % width, data[3 * i], data[3 * i + 1], data[3 * i + 2]]);
    return [["row", "column", "red", "green", "blue"], ...rows];
  },
  applies(panel, pick) {
    if (pick.token !== undefined && (panel.pick_tokens || panel.token != null)) panel.token = pick.token;
  },
};

const MATRIX = {
  layout(panel, width, paint) {
    const [rows, columns] = panel.values.shape;
    const tick = paint.font(11.5);
    const left = rows > 1 ? 30 + textWidth(String(rows - 1), tick) : 4;
    const top = columns > 1 ? 42 : 24;
    const wide = width - left - 6;
    const isSquare = rows / columns > 0.25 && rows / columns < 4;
    let [cellWidth, cellHeight] = [Math.min(wide / columns, 34), 0];
    if (isSquare) {
      cellWidth = Math.min(cellWidth, panel.max_height / rows);
      cellHeight = cellWidth;
    } else {
      cellHeight = Math.min(panel.max_height / rows, rows < columns ? 30 : Math.max(cellWidth, 1));
      if (rows > columns) cellWidth = Math.min(cellWidth, Math.max(cellHeight, 220 / columns));
    }
    const whole = (cell) => (cell * paint.ratio >= 3 ? paint.snap(cell) : cell);
    [cellWidth, cellHeight] = [whole(cellWidth), whole(cellHeight)];
    const [bodyWidth, bodyHeight] = [cellWidth * columns, cellHeight * rows];
    const legendWidth = Math.min(width - left, Math.max(bodyWidth, 260));
    const legend = legendHeight(panel.scale, "", legendWidth, paint);
    return { x: left, y: top, rows, columns, cellWidth, cellHeight, bodyWidth, bodyHeight, legendWidth, legend, height: top + bodyHeight + 6 + legend };
  },
  draw(ctx, panel, at, paint) {
    const { data } = panel.values;
    const table = paint.table(panel.quantity, panel.scale);
    stretch(ctx, heatImage(data, 0, at.rows, at.columns, panel.scale, table), at.x, at.y, at.bodyWidth, at.bodyHeight, paint);
    ctx.strokeStyle = paint.theme.line;
    ctx.lineWidth = 1;
    ctx.strokeRect(at.x - 0.5, at.y - 0.5, at.bodyWidth + 1, at.bodyHeight + 1);
    if (Math.min(at.cellWidth, at.cellHeight) >= 12) this.separate(ctx, at, paint);
    if (at.cellWidth >= 34 && at.cellHeight >= 20) this.writeValues(ctx, panel, at, table, paint);
    this.drawAxes(ctx, panel, at, paint);
    drawLegendBlock(ctx, at.x, at.y + at.bodyHeight + 4, at.legendWidth, at.legend, { scale: panel.scale, table, outside: exceeds(data, panel.scale), note: "" }, paint);
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
      write(ctx, shortText(panel.values.data[i], 2), x, y, { font: paint.font(11), colour, align: "center" });
    }
  },
  drawAxes(ctx, panel, at, paint) {
    const tick = { font: paint.font(11.5), colour: paint.theme.muted };
    const axis = { font: paint.font(12.5), colour: paint.theme.muted };
    write(ctx, `${panel.column_axis} →`, at.x, at.columns > 1 ? 10 : 12, axis);
    if (at.columns > 1) {
      for (const i of this.ticks(at.columns, at.bodyWidth, 46)) {
        const x = at.x + (i + 0.5) * at.cellWidth;
        ctx.fillStyle = paint.theme.faint;
        ctx.fillRect(paint.snap(x), at.y - 5, 1, 4);
        write(ctx, String(i), x, at.y - 13, { ...tick, align: i === 0 && at.cellWidth < 8 ? "left" : "center" });
      }
    }
    if (at.rows > 1) {
      for (const i of this.ticks(at.rows, at.bodyHeight, 30)) {
        const y = at.y + (i + 0.5) * at.cellHeight;
        ctx.fillStyle = paint.theme.faint;
        ctx.fillRect(at.x - 5, paint.snap(y), 4, 1);
        write(ctx, String(i), at.x - 8, clamp(y, at.y + 5, at.y + at.bodyHeight - 4), { ...tick, align: "right" });
      }
      ctx.save();
      ctx.translate(9, at.y);
      ctx.rotate(-Math.PI / 2);
      write(ctx, `← ${panel.row_axis}`, 0, 0, { ...axis, align: "right", width: Math.max(at.bodyHeight, 60) });
      ctx.restore();
    }
  },
  ticks: (count, length, apart) => niceTicks(0, count - 1, Math.max(1, Math.floor(length / apart))).filter(Number.isInteger),
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
      if (band) outline(ctx, ...band, paint.colour(panel.quantity), { strength: Math.min(1, 0.5 + Math.min(band[2], band[3]) / 20) });
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
  anchor: (panel, at, cell) => [at.x + ((cell % at.columns) + 1) * at.cellWidth, at.y + Math.floor(cell / at.columns) * at.cellHeight],
  describe(panel, cell) {
    const [rows, columns] = panel.values.shape;
    const [row, column] = [Math.floor(cell / columns), cell % columns];
    const lines = [valueText(panel.values.data[cell], panel.values.uncertainty(cell))];
    if (rows > 1) lines.push(placeText(panel.row_axis, row, rows));
    if (columns > 1) lines.push(placeText(panel.column_axis, column, columns));
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
    const line = (row) => Array.from({ length: columns }, (_, i) => exactText(panel.values.data[row * columns + i], panel.values.uncertainty(row * columns + i)));
    return [
      [`${panel.row_axis} \\ ${panel.column_axis}`, ...Array.from({ length: columns }, (_, i) => i)],
      ...Array.from({ length: rows }, (_, row) => [row, ...line(row)]),
    ];
  },
  applies(panel, pick) {
    if (pick.token !== undefined && panel.pick && panel[panel.pick] != null) panel[panel.pick] = pick.token;
  },
};

const TILES = {
  count: (panel) => (panel.values ?? panel.pixels).shape[0],
  grid: (panel) => (panel.values ?? panel.pixels).shape.slice(1, 3),
  layout(panel, width, paint) {
    const count = this.count(panel);
    const [rows, columns] = this.grid(panel);
    let perRow = Math.min(panel.columns, count);
    if (width < 520 && count <= 16 && width / perRow < 72) perRow = Math.ceil(perRow / 2); // the heads of one layer on a phone
    const gapFor = (size) => (size < 40 ? 4 : size < 70 ? 8 : 12);
    let size = Math.min(panel.tile_size, (width - 8 - (perRow - 1) * gapFor(width / perRow)) / perRow);
    const gap = gapFor(size);
    size = Math.min(panel.tile_size, (width - 8 - (perRow - 1) * gap) / perRow);
    const cell = size / columns;
    if (cell * paint.ratio >= 2) size = paint.snap(cell) * columns;
    const tall = paint.snap((size / columns) * rows);
    const labelFont = paint.font(size < 60 ? 10.5 : 12);
    const widest = Math.max(0, ...panel.labels.map((label) => textWidth(label, labelFont)));
    const labelHeight = panel.labels.length && widest <= size + gap - 2 ? (size < 60 ? 17 : 22) : 0;
    const lines = Math.ceil(count / perRow);
    const bodyHeight = lines * (tall + labelHeight + gap) - gap;
    const shared = panel.scales.length === 1;
    const note = !panel.values ? "" : count === 1 ? "" : shared ? "one scale for all" : panel.scales.length ? "every map has its own scale, from its lowest to its highest colour" : "";
    const bodyWidth = perRow * (size + gap) - gap;
    const legend = legendHeight(shared ? panel.scales[0] : null, note, Math.max(bodyWidth, Math.min(width - 8, 300)), paint);
    return { x: 4, y: 4, size, tall, gap, perRow, lines, count, labelHeight, labelFont, bodyWidth, note, legend, width, height: 8 + bodyHeight + (panel.values && legend ? legend + 4 : 0) };
  },
  place: (at, tile) => [at.x + (tile % at.perRow) * (at.size + at.gap), at.y + Math.floor(tile / at.perRow) * (at.tall + at.labelHeight + at.gap) + at.labelHeight],
  scale: (panel, tile) => panel.scales[tile] ?? panel.scales[0],
  /** One map, and the picture under it where there is one. */
  paintTile(ctx, panel, tile, x, y, width, height, paint) {
    const [rows, columns] = this.grid(panel);
    if (panel.pixels) {
      const image = pixelImage({ shape: [rows, columns], data: panel.pixels.data }, tile * rows * columns * 3);
      stretch(ctx, image, x, y, width, height, paint);
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
    const image = heatImage(panel.values.data, tile * rows * columns, rows, columns, scale, table, panel.backdrop ? heatAlpha : null);
    stretch(ctx, image, x, y, width, height, paint);
  },
  draw(ctx, panel, at, paint) {
    for (let tile = 0; tile < at.count; tile++) {
      const [x, y] = this.place(at, tile);
      this.paintTile(ctx, panel, tile, x, y, at.size, at.tall, paint);
      ctx.strokeStyle = paint.theme.line;
      ctx.lineWidth = 1 / paint.ratio;
      ctx.strokeRect(x - 0.5 / paint.ratio, y - 0.5 / paint.ratio, at.size + 1 / paint.ratio, at.tall + 1 / paint.ratio);
      if (at.labelHeight && panel.labels[tile]) {
        const chosen = tile === panel.selected;
        write(ctx, panel.labels[tile], x, y - at.labelHeight / 2 - 2, { font: chosen ? at.labelFont.replace("400", "650") : at.labelFont, colour: chosen ? paint.theme.text : paint.theme.muted });
      }
    }
    if (!panel.values || !at.legend) return;
    const y = at.height - at.legend;
    const width = Math.max(at.bodyWidth, Math.min(at.width - 8, 300));
    if (panel.scales.length === 1) {
      const [scale] = panel.scales;
      drawLegendBlock(ctx, at.x, y, width, at.legend, { scale, table: paint.table(panel.quantity, scale), outside: exceeds(panel.values.data, scale), note: at.note }, paint);
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
        outline(ctx, x + ((panel.token - 1) % columns) * width, y + Math.floor((panel.token - 1) / columns) * height, width, height, tokenColour(panel, panel.token, paint), { strength });
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
    if (panel.selected != null && panel.selected >= 0 && panel.selected < at.count) frame(panel.selected, at.gap >= 8 ? 3 : 2, paint.colour(panel.quantity));
    if (hover == null) return;
    const [tile, inner] = [Math.floor(hover / (rows * columns)), hover % (rows * columns)];
    if (tile !== panel.selected) frame(tile, 1.5, paint.theme.faint);
    const [x, y] = this.place(at, tile);
    if (width >= 3) hoverFrame(ctx, x + (inner % columns) * width, y + Math.floor(inner / columns) * height, width, height);
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
    const inner = clamp(Math.floor((inY / at.tall) * rows), 0, rows - 1) * columns + clamp(Math.floor((inX / at.size) * columns), 0, columns - 1);
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
    if (panel.pixels) {
      const [red, green, blue] = panel.pixels.data.slice(3 * cell, 3 * cell + 3);
      return [`red ${red}, green ${green}, blue ${blue}`, label, place];
    }
    return [valueText(panel.values.data[cell], panel.values.uncertainty(cell)), label, place];
  },
  pick(panel, cell) {
    const [rows, columns] = this.grid(panel);
    return panel.picks[Math.floor(cell / (rows * columns))] ?? null;
  },
  chosen(panel) {
    const [rows, columns] = this.grid(panel);
    return panel.selected == null ? null : panel.selected * rows * columns;
  },
  move(panel, at, cell, right, down) {
    const [rows, columns] = this.grid(panel);
    const tile = Math.floor(cell / (rows * columns));
    const next = tile + right + down * at.perRow;
    return next < 0 || next >= at.count ? cell : next * rows * columns + (cell % (rows * columns));
  },
  table(panel) {
    const [rows, columns] = this.grid(panel);
    const size = rows * columns;
    const head = panel.pixels ? ["map", "row", "column", "red", "green", "blue"] : ["map", "row", "column", "value"];
    const lines = Array.from({ length: this.count(panel) * size }, (_, i) => {
      const where = [panel.labels[Math.floor(i / size)] ?? Math.floor(i / size) + 1, Math.floor((i % size) / columns) + 1, (i % columns) + 1];
      const what = panel.pixels ? [...panel.pixels.data.slice(3 * i, 3 * i + 3)] : [exactText(panel.values.data[i], panel.values.uncertainty(i))];
      return [...where, ...what];
    });
    return [head, ...lines];
  },
  applies(panel, pick) {
    if (pick.token !== undefined && panel.token != null) panel.token = pick.token;
    const index = panel.picks.findIndex((own) => Object.keys(own).length && Object.entries(own).every(([name, value]) => pick[name] === value));
    if (index >= 0) panel.selected = index;
  },
};
