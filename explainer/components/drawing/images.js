// Numbers and pixels as small canvases, and how they are drawn large.

import { contextOf, newContext } from "./element.js";
import { clamp } from "./numbers.js";
import { luminance } from "./paint.js";

export const tableIndex = (value, { low, high, diverging }) =>
  high > low ? Math.round(clamp((value - low) / (high - low), 0, 1) * 255) : diverging ? 128 : 0;

/** A canvas with one pixel per value. `alpha(t)` makes it see-through where t, the place on the scale, is small. */
export function heatImage(data, start, rows, columns, scale, table, alpha = (_place) => 1) {
  const ctx = newContext(columns, rows);
  const image = ctx.createImageData(columns, rows);
  const pixels = image.data;
  for (let i = 0; i < rows * columns; i++) {
    const index = tableIndex(data[start + i], scale);
    pixels[4 * i] = table[4 * index];
    pixels[4 * i + 1] = table[4 * index + 1];
    pixels[4 * i + 2] = table[4 * index + 2];
    pixels[4 * i + 3] = 255 * alpha(scale.diverging ? Math.abs(index - 127.5) / 127.5 : index / 255);
  }
  ctx.putImageData(image, 0, 0);
  return ctx.canvas;
}

/** Values between the centres of the cells, so that a map over the picture is smooth; edges continue. */
export function smoothed(data, start, size, factor) {
  const fine = size * factor;
  const result = new Float32Array(fine * fine);
  const place = (i) => clamp((i + 0.5) / factor - 0.5, 0, size - 1);
  for (let y = 0; y < fine; y++) {
    const row = place(y);
    const top = Math.min(Math.floor(row), Math.max(0, size - 2));
    const down = row - top;
    const below = Math.min(top + 1, size - 1);
    for (let x = 0; x < fine; x++) {
      const column = place(x);
      const left = Math.min(Math.floor(column), Math.max(0, size - 2));
      const right = Math.min(left + 1, size - 1);
      const along = column - left;
      const upper = data[start + top * size + left] * (1 - along) + data[start + top * size + right] * along;
      const lower = data[start + below * size + left] * (1 - along) + data[start + below * size + right] * along;
      result[y * fine + x] = upper * (1 - down) + lower * down;
    }
  }
  return result;
}

/** A canvas of raw RGB pixels; `grey` 0..1 takes colour out and moves it towards `towards`. */
export function pixelImage({ shape: [height, width], data }, start = 0, dim = 0, towards = [0, 0, 0]) {
  const ctx = newContext(width, height);
  const image = ctx.createImageData(width, height);
  for (let i = 0; i < width * height; i++) {
    const rgb = [data[start + 3 * i], data[start + 3 * i + 1], data[start + 3 * i + 2]];
    const grey = 255 * luminance(rgb);
    for (let c = 0; c < 3; c++) {
      const drained = dim ? grey * 0.85 + rgb[c] * 0.15 : rgb[c];
      image.data[4 * i + c] = drained + (towards[c] - drained) * dim;
    }
    image.data[4 * i + 3] = 255;
  }
  ctx.putImageData(image, 0, 0);
  return ctx.canvas;
}

/**
 * Draw a small canvas, or `rows` of it from `top` on, large: crisp cells when they are larger than a device pixel,
 * averaged when smaller.
 */
export function stretch(ctx, image, x, y, width, height, paint, smooth = false, top = 0, rows = image.height) {
  const cell = Math.min((width * paint.ratio) / image.width, (height * paint.ratio) / rows);
  ctx.imageSmoothingEnabled = smooth || cell < 1;
  ctx.imageSmoothingQuality = "high";
  ctx.drawImage(image, 0, top, image.width, rows, x, y, width, height);
}

export const heatAlpha = (t) => 0.06 + 0.88 * Math.min(1, 1.5 * t); // little weight: the picture; much: the colour
export const DIMMED = { light: 0.42, dark: 0.5 }; // how far the picture under a heat map moves towards the page

/** A cleared context in CSS pixels on a canvas of device pixels. */
export function sized(canvas, width, height, ratio) {
  canvas.width = Math.max(1, Math.round(width * ratio));
  canvas.height = Math.max(1, Math.round(height * ratio));
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  return scaled(canvas, ratio);
}

/** The context of a canvas of device pixels, in CSS pixels. */
export function scaled(canvas, ratio) {
  const ctx = contextOf(canvas);
  ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
  return ctx;
}

