// The moments of the forward pass as scenes: where every tensor of this picture stands, and what joins it to others.

import { heatImage, pixelImage } from "../core/images.js";
import { clamp, percentText, shortText } from "../core/numbers.js";
import { LIGHT_TABLE, colourTable } from "../core/paint.js";
import { outline } from "../core/strokes.js";
import { textWidth, write } from "../core/text.js";
import {
  LONGEST_DELAY,
  arrowSprite,
  beamsSprite,
  matrixSprite,
  signSprite,
  sliceImage,
  symbolFont,
  tokenRow,
  wordsSprite,
} from "./sprites.js";

// Places as shares of the stage's width and height, [x, y, width, height]: side by side, or in two lines on a phone.
const PLACES = {
  wide: {
    picture: [0, 0.12, 0.21, 0.76], opening: [0.32, 0, 0.36, 1], spread: [0.36, 0, 0.5, 1], rows: [0.44, 0, 0.36, 1],
    before: [0.29, 0, 0.16, 1], second: [0.53, 0, 0.16, 1], third: [0.78, 0, 0.16, 1], matrix: [0.53, 0.26, 0.16, 0.48],
    query: [0.53, 0, 0.1, 1], key: [0.69, 0, 0.1, 1], value: [0.85, 0, 0.1, 1], scores: [0.87, 0, 0.08, 1],
    shares: [0.53, 0, 0.06, 1], heads: [0.645, 0, 0.355, 1], values: [0.65, 0, 0.1, 1], outputs: [0.83, 0.16, 0.15, 0.68],
    joined: [0.53, 0.02, 0.44, 0.05], update: [0.67, 0.3, 0.16, 0.7], wide: [0.53, 0, 0.44, 1],
    state: [0.29, 0.14, 0.68, 0.08], y: [0.29, 0.62, 0.68, 0.08], top: [0.29, 0.0, 0.68, 0.06],
    classes: [0.29, 0.2, 0.68, 0.8], answer: [0.04, 0.02, 0.36, 0.96], answers: [0.48, 0.06, 0.5, 0.9],
  },
  narrow: {
    picture: [0, 0, 0.36, 0.38], opening: [0.12, 0.1, 0.76, 0.8], spread: [0.06, 0.46, 0.88, 0.54], rows: [0.1, 0.48, 0.8, 0.52],
    before: [0.5, 0, 0.42, 0.38], second: [0.05, 0.52, 0.4, 0.48], third: [0.56, 0.52, 0.4, 0.48], matrix: [0.56, 0.0, 0.36, 0.36],
    query: [0.04, 0.52, 0.24, 0.48], key: [0.38, 0.52, 0.24, 0.48], value: [0.72, 0.52, 0.24, 0.48], scores: [0.76, 0.52, 0.18, 0.48],
    shares: [0.03, 0.52, 0.16, 0.48], heads: [0.26, 0.5, 0.74, 0.5], values: [0.28, 0.52, 0.24, 0.48], outputs: [0.64, 0.58, 0.34, 0.36],
    joined: [0.04, 0.515, 0.92, 0.025], update: [0.3, 0.66, 0.4, 0.34], wide: [0.04, 0.52, 0.92, 0.48],
    state: [0.03, 0.52, 0.94, 0.05], y: [0.03, 0.76, 0.94, 0.05], top: [0.03, 0.48, 0.94, 0.045],
    classes: [0.03, 0.62, 0.94, 0.38], answer: [0.2, 0, 0.6, 0.48], answers: [0.04, 0.54, 0.92, 0.46],
  },
};
const ABOVE = 30; // CSS pixels over the stage's places for symbols, and below for shapes
const BELOW = 40;
const MOST_BEAMS = 16; // the strongest are drawn

const SCENES = {
  picture: (stage) => {
    const box = stage.square("opening");
    return [stage.picture(box, { look: "plain" }), ...stage.patches(box, 0)];
  },
  patches: (stage) => [stage.picture(), ...stage.patches(stage.square("spread"), 0.22)],
  rows: (stage) => [
    stage.picture(),
    ...stage.pixelRows(stage.box("rows")),
    wordsSprite("rows-symbol", "xₚ", ...stage.above("rows"), { serif: true, size: 18, colour: (paint) => paint.colour("image") }),
    wordsSprite("rows-shape", stage.step.shape, ...stage.below("rows"), { size: 12 }),
  ],
  projection: (stage) => {
    const rows = stage.box(stage.isNarrow ? "second" : "before");
    const matrix = stage.box("matrix");
    return [
      stage.picture(),
      ...stage.pixelRows(rows),
      wordsSprite("rows-symbol", "xₚ", rows.x + rows.w / 2, rows.y - 15, { serif: true, size: 18, colour: (paint) => paint.colour("image") }),
      stage.matrix("0.projection", matrix, { hasClass: false }),
      stage.matrix("0.patch_embeddings", "third", { id: "tokens", hasClass: false }),
      ...(stage.isNarrow ? [] : [stage.sign("times", "·", rows, matrix), stage.sign("is", "=", matrix, stage.box("third"))]),
    ];
  },
  class_token: (stage) => {
    const box = stage.box("before");
    const [top, height] = tokenRow(stage.tokens, true, box.h, 1);
    const own = { ...box, h: tokenRow(stage.tokens, true, box.h, 0)[1] };
    const rest = { ...box, y: box.y + top, h: height * (stage.tokens - 1) };
    const target = stage.isNarrow ? [box.x - 12, box.y + 6] : [box.x + box.w + 14, box.y + 4];
    return [
      stage.picture(),
      stage.matrix("0.patch_embeddings", rest, { id: "tokens", hasClass: false, words: false }),
      stage.matrix("0.class_token", own, { id: "class", words: false, hasClass: false, from: { ...own, y: own.y - 26 }, over: 1 }),
      wordsSprite("class-symbol", "x_{class}", target[0], target[1], {
        serif: true, size: 17, align: stage.isNarrow ? "right" : "left", colour: (paint) => paint.colour("class_token"),
      }),
      wordsSprite("tokens-symbol", "xₚE", target[0], box.y + box.h / 2, {
        serif: true, size: 17, align: stage.isNarrow ? "right" : "left", colour: (paint) => paint.colour("E"),
      }),
      wordsSprite("rows-shape", stage.step.shape, ...stage.below("before"), { size: 12 }),
    ];
  },
  positions: (stage) => {
    const box = stage.box("before");
    const [top, height] = tokenRow(stage.tokens, true, box.h, 1);
    return [
      stage.picture(),
      stage.matrix("0.patch_embeddings", { ...box, y: box.y + top, h: height * (stage.tokens - 1) }, { id: "tokens", hasClass: false, words: false }),
      stage.matrix("0.class_token", { ...box, h: tokenRow(stage.tokens, true, box.h, 0)[1] }, { id: "class", hasClass: false, words: false, over: 1 }),
      wordsSprite("sequence", "[x_{class}; xₚE]", ...stage.above("before"), { serif: true, size: 17, colour: (paint) => paint.colour("E") }),
      wordsSprite("rows-shape", stage.step.shape, ...stage.below("before"), { size: 12 }),
      stage.matrix("0.position_embedding", "second"),
      stage.matrix("0.output", "third", { id: "stream 0", token: stage.token, from: box }),
      ...stage.sum("+"),
    ];
  },
  norm: (stage) => stage.normed("input", "attention_input", 2 * stage.layer - 2),
  qkv: (stage) => [
    stage.picture(),
    stage.stream("input", "before"),
    ...["query", "key", "value"].map((name) => stage.matrix(name, name, { token: stage.token, from: stage.box("second") })),
    stage.headName("value"),
    stage.arrow("LN, U_{qkv}", "before", "query"),
  ],
  scores: (stage) => {
    const [query, key] = [stage.box("query"), stage.box("key")];
    const from = [query.x + query.w + 3, stage.rowMiddle(query, stage.token)];
    const scores = stage.column("scores");
    const [low, high] = [Math.min(...scores), Math.max(...scores)];
    return [
      stage.picture(),
      stage.stream("input", "before"),
      stage.matrix("query", "query", { token: stage.token, lit: function one(row) { return row === stage.token ? 1 : 0.22; } }),
      stage.matrix("key", "key"),
      beamsSprite("compared", stage.strongest(scores.map((value) => (value - low) / (high - low || 1)), (row) => ({
        from, to: [key.x - 3, stage.rowMiddle(key, row)],
      })), "q"),
      stage.heads("scores", "scores", { from: key }),
      stage.arrow("÷ √D_{h}", "key", "scores", "A"),
    ];
  },
  weights: (stage) => {
    const weights = stage.column("weights");
    const most = Math.max(...weights.slice(1));
    const [picture, before] = [stage.square("picture"), stage.box("before")];
    const to = stage.isNarrow ? [before.x - 4, stage.rowMiddle(before, stage.token)] : [before.x - 6, stage.rowMiddle(before, stage.token)];
    const beams = stage.strongest(weights.map((value, row) => (row ? value / most : 0)), (row) => ({
      from: stage.patchMiddle(picture, row), to,
    }));
    return [
      stage.picture(picture, { lit: stage.head }),
      stage.stream("input", "before"),
      beamsSprite("light", beams, "A", true),
      wordsSprite("own", `${stage.isNarrow ? "" : `head ${stage.head} · `}class token ${percentText(weights[0], 1)}`, picture.x + picture.w / 2, picture.y + picture.h + 16, { size: 12.5 }),
      stage.heads("weights", "shares", {}),
      ...stage.lamps(stage.box("heads")),
    ];
  },
  mix: (stage) => {
    const weights = stage.column("weights");
    const most = Math.max(...weights);
    const [shares, values, outputs] = [stage.box("shares"), stage.box("values"), stage.box("outputs")];
    const row = outputs.h / stage.panel.num_heads;
    const to = [outputs.x - 5, outputs.y + (stage.head - 0.5) * row];
    return [
      stage.picture(stage.square("picture"), { lit: stage.head }),
      stage.stream("input", "before"),
      stage.heads("weights", "shares", {}),
      stage.matrix("value", "values", { lit: Object.defineProperty((token) => 0.12 + (0.88 * weights[token]) / most, "name", { value: "taken" }) }),
      stage.sign("of", "·", shares, values),
      beamsSprite("taken", stage.strongest(weights.map((value) => value / most), (token) => ({
        from: [values.x + values.w + 3, stage.rowMiddle(values, token)], to,
      })), "A"),
      ...stage.outputRows((head) => ({ x: outputs.x, y: outputs.y + head * row + row * 0.2, w: outputs.w, h: row * 0.6 }), values),
      wordsSprite("outputs-symbol", "SA(z)", outputs.x + outputs.w / 2, outputs.y - 15, { serif: true, size: 18, colour: (paint) => paint.colour("v") }),
      wordsSprite("outputs-shape", "a row for each head", outputs.x + outputs.w / 2, outputs.y + outputs.h + 12, { size: 12 }),
    ];
  },
  join: (stage) => {
    const [joined, update] = [stage.box("joined"), stage.box("update")];
    const each = joined.w / stage.panel.num_heads;
    return [
      stage.picture(),
      stage.stream("input", "before"),
      ...stage.outputRows((head) => ({ x: joined.x + head * each + 1, y: joined.y, w: each - 2, h: joined.h }), null, false),
      wordsSprite("outputs-symbol", `[SA_{1}(z); …; SA_{${stage.panel.num_heads}}(z)]`, joined.x + joined.w / 2, joined.y - 15, {
        serif: true, size: 17, colour: (paint) => paint.colour("v"),
      }),
      arrowSprite("arrow", "U_{msa}", [joined.x + joined.w / 2, joined.y + joined.h + 6], [joined.x + joined.w / 2, update.y - 30]),
      stage.matrix("attention_output", update, { id: `update ${2 * stage.layer - 1}`, token: stage.token, from: joined }),
    ];
  },
  attention_sum: (stage) => stage.added("input", "attention_output", "after_attention", 2 * stage.layer - 1),
  mlp_norm: (stage) => stage.normed("after_attention", "mlp_input", 2 * stage.layer - 1),
  expand: (stage) => [
    stage.picture(),
    stage.stream("after_attention", "before"),
    stage.matrix("hidden", "wide", { id: "hidden", token: stage.token, from: stage.box("second") }),
    stage.arrow("W_{1}", "before", "wide", "mlp"),
  ],
  gelu: (stage) => [
    stage.picture(),
    stage.stream("after_attention", "before"),
    stage.matrix("activated", "wide", { id: "hidden", token: stage.token }),
    stage.arrow("GELU", "before", "wide", "mlp"),
  ],
  contract: (stage) => [
    stage.picture(),
    stage.stream("after_attention", "before"),
    stage.matrix("mlp_output", "second", { id: `update ${2 * stage.layer}`, token: stage.token, from: stage.box("wide") }),
    stage.arrow("W_{2}", "before", "second", "mlp"),
  ],
  mlp_sum: (stage) => stage.added("skip", "mlp_output", "output", 2 * stage.layer),
  representation: (stage) => {
    const [state, y] = [stage.box("state"), stage.box("y")];
    return [
      stage.picture(),
      stage.matrix("state", state, { id: "state", hasClass: false, from: stage.box("third") }),
      stage.matrix("representation", y, { id: "y", hasClass: false, from: state }),
      arrowSprite("arrow", "LN", [state.x + state.w / 2, state.y + state.h + 26], [state.x + state.w / 2, y.y - 34]),
    ];
  },
  logits: (stage) => [
    stage.picture(),
    stage.matrix("representation", "top", { id: "y", hasClass: false }),
    stage.spectrum("logits"),
  ],
  softmax: (stage) => [
    stage.picture(),
    stage.matrix("representation", "top", { id: "y", hasClass: false }),
    stage.spectrum("probabilities"),
  ],
  prediction: (stage) => [stage.picture(stage.square("answer")), stage.answers()],
};

/** One moment's stage: its places in pixels, its tensors, and the sprites that several scenes have. */
export class Stage {
  constructor(panel, at, step) {
    Object.assign(this, { panel, at, step, layer: step.layer, token: panel.token, head: panel.head });
    this.isNarrow = at.isNarrow;
    this.tokens = panel.grid_size ** 2 + 1;
    this.name = this.token ? `token ${this.token}` : "the class token";
  }

  get sprites() {
    return SCENES[this.step.name](this);
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

  matrix(name, place, { id = name, ...options } = {}) {
    const box = typeof place === "string" ? this.box(place) : place;
    return matrixSprite(`${id}`, this.slice(name), box, options);
  }

  /** The tokens that this part of the layer began with: they stay where they are, which is the skip path. */
  stream(name, place) {
    const state = 2 * this.layer - (name === "input" ? 2 : 1);
    return this.matrix(name, place, { id: `stream ${state}`, token: this.token });
  }

  rowMiddle(box, row) {
    const [top, height] = tokenRow(this.tokens, true, box.h, row);
    return box.y + top + height / 2;
  }

  patchMiddle(box, token) {
    const size = this.panel.grid_size;
    return [box.x + ((((token - 1) % size) + 0.5) * box.w) / size, box.y + ((Math.floor((token - 1) / size) + 0.5) * box.h) / size];
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
        if (token > 0) {
          const side = at.w / panel.grid_size;
          const row = Math.floor((token - 1) / panel.grid_size);
          outline(ctx, at.x + ((token - 1) % panel.grid_size) * side, at.y + row * side, side, side, paint.colour("z"), { strength: 0.6 });
        }
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
    return wordsSprite("head", `head ${head} of ${panel.num_heads}`, box.x + box.w, box.y + box.h + 30, { size: 12, align: "right" });
  }

  normed(before, after, state) {
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
      this.matrix(update, "second", { id: `update ${state}`, token: this.token }),
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
      ctx.strokeStyle = paint.colour("A");
      ctx.lineWidth = 1.5;
      ctx.strokeRect(at.x + (head - 1) * width - 0.5, at.y - 2, width + 1, at.h + 4);
    };
    return sprite;
  }

  /** The picture for each head, lit by its weights. */
  lamps(room) {
    const { panel, head: chosen, layer } = this;
    const slice = this.slice("weights");
    const count = panel.num_heads;
    const under = 20;
    let [columns, side] = [1, 0];
    for (let tried = 1; tried <= count; tried++) {
      const lines = Math.ceil(count / tried);
      const fits = Math.min((room.w + 10) / tried - 10, room.h / lines - under - 6);
      if (fits > side) [columns, side] = [tried, fits];
    }
    const lines = Math.ceil(count / columns);
    const left = room.x + (room.w - columns * (side + 10) + 10) / 2;
    const top = room.y + (room.h - lines * (side + under + 6)) / 2;
    return Array.from({ length: count }, (_, head) => ({
      id: `lamp ${head}`,
      look: `lit ${layer} ${head}`,
      isPicture: true,
      lit: head + 1,
      layer,
      x: left + (head % columns) * (side + 10),
      y: top + Math.floor(head / columns) * (side + under + 6),
      w: side,
      h: side,
      draw(ctx, at, paint) {
        drawLamp(ctx, panel, slice, head, at, paint);
        if (head + 1 === chosen) {
          ctx.strokeStyle = paint.colour("A");
          ctx.lineWidth = 2.5;
          ctx.strokeRect(at.x - 2.5, at.y - 2.5, at.w + 5, at.h + 5);
        }
        const most = slice.values.data.reduce((best, value, i) => (i >= count && i % count === head ? Math.max(best, value) : best), 0);
        const long = `head ${head + 1} · max ${percentText(most, 1)}`;
        const font = paint.font(12);
        write(ctx, textWidth(long, font) <= at.w ? long : `head ${head + 1}`, at.x + at.w / 2, at.y + at.h + under / 2 + 1, {
          font: head + 1 === chosen ? paint.font(12, 650) : font,
          colour: head + 1 === chosen ? paint.theme.text : paint.theme.muted,
          align: "center",
          width: at.w + 8,
        });
      },
    }));
  }

  /** What each head hands over to the chosen token, a row each. */
  outputRows(place, from, names = true) {
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
        ctx.strokeStyle = head + 1 === chosen ? paint.colour("v") : paint.theme.line;
        ctx.lineWidth = head + 1 === chosen ? 2 : 1;
        ctx.strokeRect(at.x - 1, at.y - 1, at.w + 2, at.h + 2);
      },
    }));
  }

  /** A thin bar for each class, in the order of the classes; the leading ones have their names. */
  spectrum(name) {
    const { panel } = this;
    const slice = this.slice(name);
    const { data } = slice.values;
    const leading = this.leading(5);
    const isShare = name === "probabilities";
    return {
      id: "classes",
      look: name,
      ...this.box("classes"),
      slice,
      isBars: true,
      draw(ctx, at, paint) {
        const [low, high] = isShare ? [0, Math.max(...data)] : [Math.min(0, ...data), Math.max(0, ...data)];
        const y = (value) => at.y + 24 + ((high - value) / (high - low || 1)) * (at.h - 24);
        const each = at.w / data.length;
        ctx.fillStyle = paint.theme.faint;
        for (let i = 0; i < data.length; i++) {
          const top = Math.min(y(data[i]), y(0));
          ctx.fillRect(at.x + i * each, top, Math.max(each * 0.8, 0.75), Math.max(0.75, Math.abs(y(data[i]) - y(0))));
        }
        ctx.fillRect(at.x, y(0) - 0.5, at.w, 1);
        // Names stand above their bars where they have room; the best first.
        const taken = [];
        for (const [rank, i] of leading.entries()) {
          const x = at.x + (i + 0.5) * each;
          ctx.fillStyle = rank ? paint.theme.muted : paint.colour("y");
          const top = Math.min(y(data[i]), y(0));
          ctx.fillRect(x - Math.max(each, 3) / 2, top, Math.max(each, 3), Math.max(1, Math.abs(y(data[i]) - y(0))));
          const text = `${panel.labels[i]} ${isShare ? percentText(data[i], 1) : shortText(data[i], 3)}`;
          const font = rank ? paint.font(12.5) : paint.font(14.5, 650);
          const width = textWidth(text, font);
          const left = clamp(x - width / 2, at.x, at.x + at.w - width);
          const box = [left - 6, top - 22, left + width + 6, top - 2];
          if (taken.some((other) => box[0] < other[2] && other[0] < box[2] && box[1] < other[3] && other[1] < box[3])) continue;
          taken.push(box);
          write(ctx, text, left, top - 11, { font, colour: rank ? paint.theme.muted : paint.theme.text });
        }
        const symbol = isShare ? "p" : "o";
        write(ctx, symbol, at.x, at.y + 4, { font: symbolFont(paint), colour: paint.colour("y") });
        write(ctx, `${data.length.toLocaleString("en")} classes, in their order`, at.x, at.y + at.h + paint.size(14), {
          font: paint.font(12), colour: paint.theme.muted,
        });
      },
    };
  }

  leading(count) {
    const { data } = this.slice("probabilities").values;
    return Array.from(data.keys()).sort((a, b) => data[b] - data[a]).slice(0, count);
  }

  /** The five most probable classes as bars, the first one large. */
  answers() {
    const { panel } = this;
    const slice = this.slice("probabilities");
    const { data } = slice.values;
    const leading = this.leading(5);
    return {
      id: "classes",
      look: "answers",
      ...this.box("answers"),
      slice,
      isAnswers: true,
      draw(ctx, at, paint) {
        const first = at.h * 0.34;
        const each = (at.h - first) / Math.max(1, leading.length - 1);
        leading.forEach((i, rank) => {
          const [top, tall] = rank ? [at.y + first + (rank - 1) * each, each] : [at.y, first];
          const thick = Math.min(tall * 0.26, 12);
          write(ctx, panel.labels[i], at.x, top + tall * 0.38, {
            font: rank ? paint.font(15) : paint.font(at.w < 380 ? 23 : 30, 680),
            colour: rank ? paint.theme.muted : paint.theme.text,
            width: at.w - paint.size(rank ? 70 : 110),
          });
          write(ctx, percentText(data[i], 1), at.x + at.w, top + tall * 0.38, {
            font: rank ? paint.font(15) : paint.font(at.w < 380 ? 20 : 26, 600),
            colour: rank ? paint.theme.muted : paint.theme.text,
            align: "right",
          });
          const y = top + tall * 0.38 + (rank ? paint.size(14) : paint.size(24));
          ctx.fillStyle = paint.theme.line;
          ctx.fillRect(at.x, y, at.w, thick * 0.5);
          ctx.fillStyle = rank ? paint.theme.faint : paint.colour("y");
          ctx.fillRect(at.x, y, at.w * data[i], thick * 0.5);
        });
      },
    };
  }
}

/** The picture as the model sees it, made once. */
function pictureImage(panel) {
  panel.pictureImage ??= pixelImage(panel.pixels);
  return panel.pictureImage;
}

/** One row per patch, with its pixels one after the other. */
function rowsImage(panel) {
  if (panel.rowsImage) return panel.rowsImage;
  const { grid_size: grid, pixels } = panel;
  const width = pixels.shape[1];
  const side = width / grid;
  const data = new Uint8Array(pixels.data.length);
  let at = 0;
  for (let patch = 0; patch < grid * grid; patch++)
    for (let y = 0; y < side; y++) {
      const start = 3 * ((Math.floor(patch / grid) * side + y) * width + (patch % grid) * side);
      data.set(pixels.data.subarray(start, start + 3 * side), at);
      at += 3 * side;
    }
  panel.rowsImage = pixelImage({ shape: [grid * grid, side * side], data });
  return panel.rowsImage;
}

const LARGEST_LAMP = 224; // pixels: there is one for each head of each layer
const DARKEST = 0.1; // of the light that a patch without attention keeps, so that one still sees where it is

/** The picture, lit by a head's weights (a column of `slice`) from nothing to the largest of the patches. */
function drawLamp(ctx, panel, slice, head, at, paint) {
  const image = pictureImage(panel);
  const isCoarse = (at.w * paint.ratio) / image.width >= 4;
  ctx.imageSmoothingQuality = "high";
  ctx.imageSmoothingEnabled = !isCoarse;
  if (!slice) {
    ctx.drawImage(image, at.x, at.y, at.w, at.h);
    return;
  }
  slice.lamps ??= [];
  slice.lamps[head] ??= lampImage(image, slice, head, panel.grid_size);
  ctx.drawImage(slice.lamps[head], at.x, at.y, at.w, at.h);
}

function lampImage(image, slice, head, grid) {
  const [count, heads] = slice.values.shape;
  const weights = Float32Array.from({ length: count - 1 }, (_, i) => slice.values.data[(i + 1) * heads + head]);
  const most = Math.max(...weights) || 1;
  const light = heatImage(weights.map((value) => DARKEST + (1 - DARKEST) * (value / most)), 0, grid, grid, { low: 0, high: 1 }, colourTable(LIGHT_TABLE));
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = Math.min(image.width, grid * Math.max(1, Math.floor(LARGEST_LAMP / grid)));
  const ctx = canvas.getContext("2d");
  ctx.imageSmoothingQuality = "high";
  ctx.drawImage(image, 0, 0, canvas.width, canvas.height);
  ctx.globalCompositeOperation = "multiply";
  ctx.imageSmoothingEnabled = false;
  ctx.drawImage(light, 0, 0, canvas.width, canvas.height);
  return canvas;
}
