// What moves in the walk through the forward pass: sprites with a place, a size, and something that paints them.
//
// A scene is a list of sprites {id, x, y, w, h, draw(ctx, box, paint)}. Between two scenes every sprite that both have
// moves from its place in the one to its place in the other; the others fade out or in. A sprite may say `look`, the
// name of how it looks (looks are cross-faded), `alpha`, `delay` (0..0.5 of the way), `from` and `to` (boxes where it
// comes from when it enters and goes to when it leaves), and `over` (drawn after those with less).

import { heatImage } from "../drawing/images.js";
import { clamp, shortText } from "../drawing/numbers.js";
import { arrow, frameBox } from "../drawing/strokes.js";
import { textWidth, write } from "../drawing/text.js";

const easeInOut = (t) => (t < 0.5 ? 4 * t * t * t : 1 - (2 - 2 * t) ** 3 / 2);

export const between = (a, b, t) => a + (b - a) * t;

/** The part of the way from `start` to `end`, 0..1. */
const phase = (t, start, end) => clamp((t - start) / (end - start), 0, 1);

/** The number of the moment to which another is nearest. */
export const nearest = ({ from, to, share }) => (share < 0.5 ? from : to);

const blendBox = (a, b, t) => ({
  x: between(a.x, b.x, t),
  y: between(a.y, b.y, t),
  w: between(a.w, b.w, t),
  h: between(a.h, b.h, t),
});

export const LONGEST_DELAY = 0.5;

/** Draw the moment at share `t` of the way from one scene to another. */
export function drawBetween(ctx, before, after, t, paint) {
  const list = [];
  const put = (sprite, box, alpha) => {
    if (alpha > 0.004) list.push({ sprite, box, alpha: alpha * (sprite.alpha ?? 1), over: sprite.over ?? 0 });
  };
  if (t <= 0 || before === after) for (const sprite of before) put(sprite, sprite, 1);
  else if (t >= 1) for (const sprite of after) put(sprite, sprite, 1);
  else {
    const later = new Map(after.map((sprite) => [sprite.id, sprite]));
    const earlier = new Set(before.map((sprite) => sprite.id));
    for (const sprite of before) {
      const next = later.get(sprite.id);
      if (!next) {
        const box = sprite.to ? blendBox(sprite, sprite.to, easeInOut(phase(t, 0, 0.8))) : sprite;
        put(sprite, box, 1 - (sprite.to ? phase(t, 0.4, 0.8) : phase(t, 0, 0.4)));
        continue;
      }
      const delay = next.delay ?? sprite.delay;
      const way = easeInOut(delay == null ? t : phase(t, delay, delay + 1 - LONGEST_DELAY));
      const box = blendBox(sprite, next, way);
      if (sprite.look === next.look) {
        const alpha = between(sprite.alpha ?? 1, next.alpha ?? 1, way);
        list.push({ sprite: next, box, alpha, over: next.over ?? 0 });
      } else {
        put(sprite, box, way < 0.5 ? 1 : 2 - 2 * way);
        put(next, box, Math.min(1, 2 * way));
      }
    }
    for (const sprite of after) {
      if (earlier.has(sprite.id)) continue;
      const box = sprite.from ? blendBox(sprite.from, sprite, easeInOut(phase(t, 0.15, 1))) : sprite;
      put(sprite, box, sprite.from ? phase(t, 0.15, 0.5) : phase(t, 0.55, 1));
    }
  }
  list.sort((a, b) => a.over - b.over);
  for (const { sprite, box, alpha } of list) {
    ctx.save();
    ctx.globalAlpha = alpha;
    sprite.draw(ctx, box, paint);
    ctx.restore();
  }
}

/** The top and height of a row of tokens: the class token stands a little apart, and is never too thin to be seen. */
export function tokenRow(count, hasClass, height, row) {
  if (!hasClass) return [(row * height) / count, height / count];
  const first = clamp(height / count, 7, 12);
  const rest = (height - first - 4) / (count - 1);
  return row === 0 ? [0, first] : [first + 4 + (row - 1) * rest, rest];
}

/** The row at `y` of such a stack, or null. */
export function tokenAt(count, hasClass, height, y) {
  const [, first] = tokenRow(count, hasClass, height, 0);
  if (!hasClass) return y >= 0 && y < height ? Math.min(count - 1, Math.floor(y / first)) : null;
  if (y >= -1 && y < first + 1) return 0;
  const [start, each] = tokenRow(count, true, height, 1);
  return y >= start && y <= height ? clamp(1 + Math.floor((y - start) / each), 1, count - 1) : null;
}

export const symbolFont = (paint, size = 18) => `600 ${paint.size(size)}px ui-serif, Georgia, "Times New Roman", serif`;

/** A slice of a tensor as a canvas with one pixel per value, made once for each scheme. */
export function sliceImage(slice, paint) {
  slice.images ??= {};
  const [rows, columns] = slice.values.shape;
  const table = paint.table(slice.quantity, slice.scale);
  slice.images[paint.theme.scheme] ??= heatImage(slice.values.data, 0, rows, columns, slice.scale, table);
  return slice.images[paint.theme.scheme];
}

/**
 * The rows of a slice, with its symbol above and its shape below. `hasClass`: the first row is the class token's.
 * `lit(row)` 0..1 says how strongly a row is seen, `token` which one is outlined.
 */
export function matrixSprite(id, slice, box, options = {}) {
  const { hasClass = true, token = null, lit = null, words = true, ...rest } = options;
  const count = slice.values.shape[0];
  const isTokens = hasClass && count > 1;
  return {
    id,
    ...box,
    look: `${slice.name} ${lit ? lit.name : ""}`,
    slice,
    hasClass: isTokens,
    ...rest,
    draw(ctx, at, paint) {
      const image = sliceImage(slice, paint);
      const whole = ctx.globalAlpha;
      ctx.imageSmoothingQuality = "high";
      const piece = (row, rows, y, h) => {
        ctx.imageSmoothingEnabled = (h * paint.ratio) / rows < 1 || (at.w * paint.ratio) / image.width < 1;
        ctx.drawImage(image, 0, row, image.width, rows, at.x, at.y + y, at.w, h);
      };
      if (lit) {
        for (let row = 0; row < count; row++) {
          const [y, h] = tokenRow(count, isTokens, at.h, row);
          ctx.globalAlpha = whole * lit(row);
          piece(row, 1, y, h);
        }
        ctx.globalAlpha = whole;
      } else if (isTokens) {
        const [y, h] = tokenRow(count, true, at.h, 1);
        piece(0, 1, ...tokenRow(count, true, at.h, 0));
        piece(1, count - 1, y, h * (count - 1));
      } else piece(0, count, 0, at.h);
      frameBox(ctx, [at.x, at.y, at.w, at.h], 0.5, paint.theme.line, 1 / paint.ratio);
      if (token != null) {
        const [y, h] = tokenRow(count, isTokens, at.h, token);
        const line = paint.colour(token === 0 ? "class_token" : "z");
        frameBox(ctx, [at.x - 0.5, at.y + y, at.w + 1, h], 1.5, line, 2);
      }
      if (!words) return;
      // The words stay behind while the matrix moves, and are there when it rests: two on their way would cross.
      const off = Math.abs(at.x - box.x) + Math.abs(at.y - box.y) + Math.abs(at.w - box.w);
      ctx.globalAlpha = whole * clamp(1 - off / 50, 0, 1);
      labelMatrix(ctx, slice, at, paint);
    },
  };
}

/** The symbol above, the shape and the ends of the colours below. */
function labelMatrix(ctx, slice, at, paint) {
  const room = Math.max(at.w, paint.size(64));
  const middle = at.x + at.w / 2;
  const symbol = { font: symbolFont(paint), colour: paint.colour(slice.quantity), align: "center" };
  write(ctx, slice.symbol, middle, at.y - paint.size(15), symbol);
  const { low, high, diverging } = slice.scale;
  const ends = diverging ? `±${shortText(high, 2)}` : `${shortText(low, 2)}…${shortText(high, 2)}`;
  const small = paint.muted(12, { align: "center" });
  const line = `${slice.shape} · ${ends}`;
  if (textWidth(line, small.font) <= room + 30) write(ctx, line, middle, at.y + at.h + paint.size(13), small);
  else {
    write(ctx, slice.shape, middle, at.y + at.h + paint.size(12), small);
    write(ctx, ends, middle, at.y + at.h + paint.size(26), small);
  }
}

const pointAt = (x, y) => ({ x, y, w: 0, h: 0 });

/** A sign between two boxes: "+", "=", "·". */
export const signSprite = (id, text, x, y) => ({
  id,
  ...pointAt(x, y),
  draw: (ctx, at, paint) => write(ctx, text, at.x, at.y, paint.muted(26, { align: "center" })),
});

/** Words at a place; lowered and raised letters as everywhere. */
export const wordsSprite = (id, text, x, y, { size = 13, align = "center" } = {}) => ({
  id,
  ...pointAt(x, y),
  look: text,
  draw: (ctx, at, paint) => write(ctx, text, at.x, at.y, paint.muted(size, { align })),
});

/** A symbol of the paper in the colour of its quantity. */
export const symbolSprite = (id, text, x, y, quantity, { size = 18, align = "center" } = {}) => ({
  ...wordsSprite(id, text, x, y),
  draw: (ctx, at, paint) =>
    write(ctx, text, at.x, at.y, { font: symbolFont(paint, size), colour: paint.colour(quantity), align }),
});

/** An arrow with what happens on the way written on it; `turns`: first across, then down, with the words left of it. */
export const arrowSprite = (id, text, from, to, quantity = null, turns = false) => ({
  id,
  x: from[0],
  y: from[1],
  w: to[0] - from[0],
  h: to[1] - from[1],
  look: `${text} ${turns}`,
  draw(ctx, at, paint) {
    const end = [at.x + at.w, at.y + at.h];
    arrow(ctx, [[at.x, at.y], ...(turns ? [[end[0], at.y]] : []), end], paint.theme.faint);
    const style = { font: symbolFont(paint, 15), colour: quantity ? paint.colour(quantity) : paint.theme.text };
    const isAcross = Math.abs(at.w) >= Math.abs(at.h);
    if (turns) write(ctx, text, end[0] - 10, end[1] - 12, { ...style, align: "right" });
    else if (isAcross)
      write(ctx, text, at.x + at.w / 2, at.y + at.h / 2 - paint.size(13), { ...style, align: "center" });
    else write(ctx, text, at.x + at.w / 2 + 12, at.y + at.h / 2, style);
  },
});

/** Light from one place to another, as strong as `strength` 0..1. */
export function beamsSprite(id, beams, quantity, isLight = false) {
  return {
    id,
    ...pointAt(0, 0),
    over: 2,
    draw(ctx, at, paint) {
      const ink = paint.colour(quantity);
      const bright = paint.view.palette.quantities[quantity].dark; // on the lit picture, which is dark in both schemes
      ctx.lineCap = "round";
      const whole = ctx.globalAlpha;
      for (const { from, to, strength } of beams) {
        ctx.globalAlpha = whole * (0.1 + 0.75 * strength);
        ctx.lineWidth = 0.6 + 2.4 * strength;
        ctx.strokeStyle = ink;
        if (isLight) {
          const gradient = ctx.createLinearGradient(...from, ...to);
          gradient.addColorStop(0, bright);
          gradient.addColorStop(0.9, ink);
          ctx.strokeStyle = gradient;
        }
        const reach = (to[0] - from[0]) / 2;
        ctx.beginPath();
        ctx.moveTo(...from);
        ctx.bezierCurveTo(from[0] + reach, from[1], to[0] - reach, to[1], ...to);
        ctx.stroke();
        if (!isLight) continue;
        ctx.fillStyle = bright;
        ctx.beginPath();
        ctx.arc(...from, 1 + 2 * strength, 0, 2 * Math.PI);
        ctx.fill();
      }
      ctx.globalAlpha = whole;
    },
  };
}
