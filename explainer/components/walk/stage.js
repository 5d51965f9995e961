// One moment's stage: its places in pixels, its tensors, and the sprites that several scenes have.

import { frameBox, outline } from "../drawing/strokes.js";
import { patchBox } from "../panels/small.js";
import { drawLamp, pictureImage, rowsImage } from "./lamps.js";
import { PLACES } from "./places.js";
import { LONGEST_DELAY, arrowSprite, matrixSprite, signSprite, sliceImage, tokenRow, wordsSprite } from "./sprites.js";

const ABOVE = 30; // CSS pixels over the stage's places for symbols, and below for shapes
const BELOW = 40;
const MOST_BEAMS = 16; // the strongest are drawn

export class Stage {
  constructor(panel, at, step) {
    this.panel = panel;
    this.at = at;
    this.step = step;
    this.layer = step.layer;
    this.token = panel.token;
    this.head = panel.head;
    this.isNarrow = at.isNarrow;
    this.tokens = panel.grid_size ** 2 + 1;
  }

  box(place) {
    const [x, y, w, h] = PLACES[this.isNarrow ? "narrow" : "wide"][place];
    const { width, height, unit } = this.at;
    const tall = height - (ABOVE + BELOW) * unit;
    const side = this.isNarrow ? 10 : 24;
    return { x: side + x * (width - 2 * side), y: ABOVE * unit + y * tall, w: w * (width - 2 * side), h: h * tall };
  }

  square(place) {
    const box = this.box(place);
    const side = Math.min(box.w, box.h);
    return { x: box.x + (box.w - side) / 2, y: box.y + (box.h - side) / 2, w: side, h: side };
  }

  above(place) {
    const box = this.box(place);
    return [box.x + box.w / 2, box.y - 15 * this.at.unit];
  }

  below(place) {
    const box = this.box(place);
    return [box.x + box.w / 2, box.y + box.h + 13];
  }

  slice(name) {
    this.panel.byName ??= new Map(this.panel.slices.map((slice) => [slice.name, slice]));
    return this.panel.byName.get(name.includes(".") ? name : `${this.layer}.${name}`);
  }

  /** @param {any} [options] */
  matrix(name, place, options = {}) {
    const { id = name, ...rest } = options;
    const box = typeof place === "string" ? this.box(place) : place;
    return matrixSprite(`${id}`, this.slice(name), box, rest);
  }

  /** The tokens that this part of the layer began with: they stay where they are, which is the skip path. */
  stream(name, place) {
    const state = 2 * this.layer - (name === "input" ? 2 : 1);
    return this.matrix(name, place, { id: `stream ${state}`, token: this.token });
  }

  /** What a sum adds to the tokens: it is the same sprite when it is made and when it is added. */
  update(number) {
    return { id: `update ${number}`, token: this.token };
  }

  /** The places of the class token and of the patches in a sequence of tokens. */
  classAndPatches(box) {
    const [top, height] = tokenRow(this.tokens, true, box.h, 1);
    const own = { ...box, h: tokenRow(this.tokens, true, box.h, 0)[1] };
    return [own, { ...box, y: box.y + top, h: height * (this.tokens - 1) }];
  }

  rowMiddle(box, row) {
    const [top, height] = tokenRow(this.tokens, true, box.h, row);
    return box.y + top + height / 2;
  }

  patchMiddle(box, token) {
    const [x, y, width, height] = patchBox(token, this.panel.grid_size, [box.x, box.y, box.w, box.h]);
    return [x + width / 2, y + height / 2];
  }

  /** A slice's column of the chosen head, as numbers. */
  column(name) {
    const { values } = this.slice(name);
    const heads = values.shape[1];
    return Array.from({ length: values.shape[0] }, (_, row) => values.data[row * heads + this.head - 1]);
  }

  strongest(strengths, ends) {
    return strengths
      .map((strength, row) => ({ strength, row }))
      .sort((a, b) => b.strength - a.strength)
      .slice(0, MOST_BEAMS)
      .filter(({ strength }) => strength > 0)
      .reverse()
      .map(({ strength, row }) => ({ strength, ...ends(row) }));
  }

  picture(box = this.square("picture"), { lit = 0, look = lit ? `lit ${this.layer} ${lit}` : "plain" } = {}) {
    const { panel, token, layer } = this;
    const slice = lit ? this.slice("weights") : null;
    return {
      id: "picture",
      ...box,
      look,
      isPicture: true,
      lit,
      layer,
      tensors: slice?.tensors ?? ["trace.image"],
      draw(ctx, at, paint) {
        drawLamp(ctx, panel, slice, lit - 1, at, paint);
        if (!(token > 0)) return;
        const cell = patchBox(token, panel.grid_size, [at.x, at.y, at.w, at.w]);
        outline(ctx, ...cell, paint.colour("z"), { strength: 0.6 });
      },
    };
  }

  /** The patches over the picture, or apart from each other by `gap` of their size. */
  patches(box, gap) {
    const { panel } = this;
    const [size, width] = [panel.grid_size, panel.pixels.shape[1]];
    const [pitch, pixels] = [box.w / size, width / size];
    const side = pitch * (1 - gap);
    return Array.from({ length: size * size }, (_, i) => {
      const [row, column] = [Math.floor(i / size), i % size];
      return {
        id: `patch ${i}`,
        look: "patch",
        isPatch: gap > 0,
        token: i + 1,
        tensors: ["trace.patches"],
        x: box.x + column * pitch + (pitch - side) / 2,
        y: box.y + row * pitch + (pitch - side) / 2,
        w: side,
        h: side,
        delay: gap ? (LONGEST_DELAY * i) / (size * size) : null,
        draw(ctx, at, paint) {
          if (!gap && at.w >= pitch - 0.01) return; // the picture itself is there
          ctx.imageSmoothingEnabled = (at.w * paint.ratio) / pixels < 3;
          ctx.drawImage(pictureImage(panel), column * pixels, row * pixels, pixels, pixels, at.x, at.y, at.w, at.h);
        },
      };
    });
  }

  /** Every patch as a row of its pixels, from left to right and from top to bottom. */
  pixelRows(box) {
    const { panel } = this;
    const count = panel.grid_size ** 2;
    const each = box.h / count;
    const gap = each > 3 ? 0.8 : 0;
    return Array.from({ length: count }, (_, i) => ({
      id: `patch ${i}`,
      look: "row",
      isPatch: true,
      token: i + 1,
      tensors: ["trace.patches"],
      x: box.x,
      y: box.y + i * each,
      w: box.w,
      h: each - gap,
      delay: (LONGEST_DELAY * i) / count,
      draw(ctx, at, paint) {
        const image = rowsImage(panel);
        ctx.imageSmoothingEnabled = (at.w * paint.ratio) / image.width < 1;
        ctx.drawImage(image, 0, i, image.width, 1, at.x, at.y, at.w, at.h);
      },
    }));
  }

  sign(id, text, left, right) {
    return signSprite(id, text, (left.x + left.w + right.x) / 2, left.y + left.h / 2);
  }

  /** The signs of a sum of the first two places that gives the third. */
  sum(sign) {
    const [first, second, third] = ["before", "second", "third"].map((place) => this.box(place));
    if (!this.isNarrow) return [this.sign("plus", sign, first, second), this.sign("equals", "=", second, third)];
    return [
      signSprite("plus", sign, second.x - 1, second.y - 28),
      signSprite("equals", "=", (second.x + second.w + third.x) / 2, second.y + second.h / 2),
    ];
  }

  arrow(text, from, to, quantity = null) {
    const [a, b] = [this.box(from), this.box(to)];
    if (this.isNarrow && from === "before") {
      const [x, y] = [a.x - 26, a.y + a.h * 0.82];
      return arrowSprite("arrow", text, [a.x - 6, y], [x, b.y - 32], quantity, true);
    }
    const y = a.y + a.h * 0.5;
    return arrowSprite("arrow", text, [a.x + a.w + 8, y], [b.x - 9, y], quantity);
  }

  headName(place) {
    const { panel, head } = this;
    const box = this.box(place);
    const name = `head ${head} of ${panel.num_heads}`;
    return wordsSprite("head", name, box.x + box.w, box.y + box.h + 30, { size: 12, align: "right" });
  }

  normed(before, after) {
    return [
      this.picture(),
      this.stream(before, "before"),
      this.matrix(after, "second", { token: this.token, from: this.box("before") }),
      this.arrow("LN", "before", "second"),
    ];
  }

  added(before, update, after, state) {
    return [
      this.picture(),
      this.stream(before, "before"),
      this.matrix(update, "second", this.update(state)),
      this.matrix(after, "third", { id: `stream ${state}`, token: this.token, from: this.box("second") }),
      ...this.sum("+"),
    ];
  }

  /** One number per token for each head, a column each; the chosen one is framed. */
  heads(name, place, options) {
    const box = this.box(place);
    const { head, panel } = this;
    const sprite = this.matrix(name, box, { id: "shares", token: null, ...options });
    const draw = sprite.draw;
    sprite.draw = (ctx, at, paint) => {
      draw(ctx, at, paint);
      const width = at.w / panel.num_heads;
      frameBox(ctx, [at.x + (head - 1) * width, at.y - 1.5, width, at.h + 3], 0.5, paint.colour("A"), 1.5);
    };
    return sprite;
  }

  /** What each head hands over to the chosen token, a row each. */
  outputRows(place, from) {
    const slice = this.slice("head_outputs");
    const columns = slice.values.shape[1];
    const { head: chosen } = this;
    return Array.from({ length: this.panel.num_heads }, (_, head) => ({
      id: `output ${this.layer} ${head}`,
      look: "row",
      slice,
      row: head,
      ...place(head),
      from: from && head + 1 === chosen ? from : null,
      draw(ctx, at, paint) {
        const image = sliceImage(slice, paint);
        ctx.imageSmoothingEnabled = false;
        ctx.drawImage(image, 0, head, columns, 1, at.x, at.y, at.w, at.h);
        const isChosen = head + 1 === chosen;
        const line = isChosen ? paint.colour("v") : paint.theme.line;
        frameBox(ctx, [at.x, at.y, at.w, at.h], 1, line, isChosen ? 2 : 1);
      },
    }));
  }
}
