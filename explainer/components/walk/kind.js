// The walk through the forward pass as a kind of panel: where its sprites are, and what can be read off them.

import { links, relation } from "../core/links.js";
import { clamp, exactText, tokenText, valueText } from "../drawing/numbers.js";
import { hoverFrame, litFrame } from "../drawing/strokes.js";
import { plainText } from "../drawing/text.js";
import { WalkFrame } from "./frame.js";
import { sceneOf } from "./scenes.js";
import { drawBetween, nearest, tokenAt, tokenRow } from "./sprites.js";

/** The box around boxes. */
function around(boxes) {
  const [x, y] = [Math.min(...boxes.map((box) => box.x)), Math.min(...boxes.map((box) => box.y))];
  const right = Math.max(...boxes.map((box) => box.x + box.w));
  const bottom = Math.max(...boxes.map((box) => box.y + box.h));
  return { x, y, w: right - x, h: bottom - y };
}

const tall = (width) => clamp(Math.round(width * 0.42), 360, 480);

export const WALK = {
  frame: WalkFrame,
  layout(panel, width, paint) {
    const isNarrow = width < 620;
    const height = isNarrow ? Math.round(clamp(width * 1.5, 480, 680)) : tall(width) * paint.shrink;
    const room = panel.roomFor?.(width, height) ?? height;
    return { width, isNarrow, height: room, unit: paint.theme.unit, scenes: new Map() };
  },
  scene(panel, at, index) {
    if (!at.scenes.has(index)) at.scenes.set(index, sceneOf(panel, at, panel.steps[index]));
    return at.scenes.get(index);
  },
  draw(ctx, panel, at, paint) {
    const { from, to, share } = panel.moment ?? { from: panel.start, to: panel.start, share: 0 };
    drawBetween(ctx, this.scene(panel, at, from), this.scene(panel, at, to), share, paint);
  },
  /** The sprites that can be read now: those of a moment that rests. */
  resting(panel, at) {
    const { from, to, share } = panel.moment;
    if (share > 0 && share < 1) return [];
    return this.scene(panel, at, share ? to : from);
  },
  /** The keys of what is at a place: of the tensor, or of the picture, which the weights of a head may light. */
  tensors(panel, cell, at) {
    const found = this.read(panel, at, cell);
    return found ? this.tensorsOf(found.sprite) : [];
  },
  tensorsOf: (sprite) => (sprite.slice?.tensors ?? sprite.tensors) || [],
  /** Line frames around what has to do with what the reader points at elsewhere; one around all patches. */
  markLit(ctx, panel, at, paint) {
    const sprites = this.resting(panel, at);
    const patches = sprites.filter(({ isPatch }) => isPatch);
    const others = sprites.filter(({ isPatch }) => !isPatch);
    for (const sprite of patches.length ? [...others, { ...around(patches), tensors: patches[0].tensors }] : others) {
      const lit = relation(links.source, { makes: this.tensorsOf(sprite), reads: [], isStep: false });
      if (lit) litFrame(ctx, sprite, lit, paint);
    }
  },
  mark(ctx, panel, at, paint, hover) {
    if (links.source) this.markLit(ctx, panel, at, paint);
    const cell = hover && this.place(panel, at, hover);
    if (!cell) return;
    const { x, y, w, h } = cell;
    hoverFrame(ctx, x - (w < 4 ? 1 : 0), y - (h < 4 ? 1 : 0), Math.max(w, 4), Math.max(h, 4));
  },
  /** "sprite:row:column" of what is at a place. */
  hit(panel, at, x, y) {
    for (const sprite of [...this.resting(panel, at)].reverse()) {
      const [inX, inY] = [x - sprite.x, y - sprite.y];
      if (inX < 0 || inY < -1 || inX >= sprite.w || inY > sprite.h + 1) continue;
      if (sprite.isPatch) return `${sprite.id}:0:0`;
      const column = (count) => Math.min(count - 1, Math.floor((inX / sprite.w) * count));
      if (sprite.isPicture) {
        const size = panel.grid_size;
        return `${sprite.id}:${Math.min(size - 1, Math.floor((Math.max(0, inY) / sprite.h) * size))}:${column(size)}`;
      }
      if (sprite.isBars) return `${sprite.id}:0:${column(sprite.slice.values.shape[1])}`;
      if (!sprite.slice || sprite.isAnswers) continue;
      const [rows, columns] = sprite.slice.values.shape;
      const row = sprite.row ?? tokenAt(rows, sprite.hasClass, sprite.h, inY);
      if (row != null) return `${sprite.id}:${row}:${column(columns)}`;
    }
    return null;
  },
  read(panel, at, cell) {
    const [id, row, column] = cell.split(":");
    const sprite = this.resting(panel, at).find((each) => each.id === id);
    return sprite ? { sprite, row: Number(row), column: Number(column) } : null;
  },
  place(panel, at, cell) {
    const found = this.read(panel, at, cell);
    if (!found) return null;
    const { sprite, row, column } = found;
    const size = panel.grid_size;
    if (sprite.isPatch) return sprite;
    if (sprite.isPicture) {
      const [x, y] = [sprite.x + (column * sprite.w) / size, sprite.y + (row * sprite.h) / size];
      return { x, y, w: sprite.w / size, h: sprite.h / size };
    }
    const [rows, columns] = sprite.slice.values.shape;
    const w = sprite.w / columns;
    if (sprite.isBars || sprite.row != null) return { x: sprite.x + column * w, y: sprite.y, w, h: sprite.h };
    const [top, h] = tokenRow(rows, sprite.hasClass, sprite.h, row);
    return { x: sprite.x + column * w, y: sprite.y + top, w, h };
  },
  anchor(panel, at, cell) {
    const place = this.place(panel, at, cell);
    return place ? [place.x + place.w, place.y] : null;
  },
  describe(panel, cell, paint, at) {
    const found = this.read(panel, at, cell);
    if (!found) return [];
    const { sprite, row, column } = found;
    const size = panel.grid_size;
    if (sprite.isPatch) return [tokenText(sprite.token, size)];
    if (sprite.isPicture) {
      const token = 1 + row * size + column;
      if (!sprite.lit) return [tokenText(token, size)];
      const weights = panel.slices.find((slice) => slice.name === `${sprite.layer}.weights`).values;
      const index = token * panel.num_heads + sprite.lit - 1;
      const weight = valueText(weights.data[index], weights.uncertainty(index));
      return [weight, `A, head ${sprite.lit}`, tokenText(token, size)];
    }
    const { values, symbol, shape } = sprite.slice;
    const [rows, columns] = values.shape;
    const index = row * columns + column;
    const value = valueText(values.data[index], values.uncertainty(index));
    if (sprite.isBars) return [value, `${symbol}: ${panel.labels[column]}`];
    if (sprite.row != null) return [value, `head ${row + 1}, number ${column}`];
    if (/^\d+\.(scores|weights)$/.test(sprite.slice.name))
      return [value, `${symbol}, head ${column + 1}`, tokenText(row, size)];
    if (rows === 1) return [value, `${symbol}, number ${column}`];
    if (sprite.slice.name.endsWith(".projection")) return [value, `${symbol}, row ${row}, number ${column}`];
    const token = row + (rows === size * size ? 1 : 0);
    return [value, `${symbol} (${shape}), number ${column}`, tokenText(token, size)];
  },
  pick(panel, cell, at) {
    const found = this.read(panel, at, cell);
    if (!found) return null;
    const { sprite, row, column } = found;
    if (sprite.id.startsWith("lamp")) return { head: sprite.lit };
    if (sprite.isPatch) return { token: sprite.token };
    if (sprite.isPicture) return { token: 1 + row * panel.grid_size + column };
    if (sprite.id === "shares") return { head: column + 1 };
    return sprite.hasClass ? { token: row } : null;
  },
  /** Where the number of a cell comes from; that of a lit picture is a weight of its head. */
  origin(panel, cell, at) {
    const found = this.read(panel, at, cell);
    if (!found) return [];
    const { sprite, row, column } = found;
    if (!sprite.isPicture) return [sprite.slice.origin, { row, column }];
    if (!sprite.lit) return [];
    const weights = panel.slices.find((slice) => slice.name === `${sprite.layer}.weights`);
    return [weights.origin, { row: 1 + row * panel.grid_size + column, column: sprite.lit - 1 }];
  },
  chosen: () => null,
  move: (panel, at, cell) => cell,
  keys: () => "Left and right arrow keys step, space plays and pauses.",
  /** What the moment makes, and for the first ones the picture's own numbers. */
  printed(panel) {
    const step = panel.steps[panel.moment ? nearest(panel.moment) : panel.start];
    return { slices: panel.slices.filter((slice) => step.makes.includes(slice.name)) };
  },
  numbers: ({ slices }) => slices.map(({ symbol, values }) => [symbol, values]),
  table({ slices }) {
    return [
      ["tensor", "row", "column", "value"],
      ...slices.flatMap(({ symbol, values }) => {
        const columns = values.shape[1];
        return Array.from(values.data, (value, i) => [
          plainText(symbol),
          Math.floor(i / columns),
          i % columns,
          exactText(value, values.uncertainty(i)),
        ]);
      }),
    ];
  },
  applies() {},
};
