// The picture of the walk: as the model sees it, as rows of pixels, and lit by the weights of a head.

import { newContext } from "../drawing/element.js";
import { heatImage, pixelImage } from "../drawing/images.js";
import { percentText } from "../drawing/numbers.js";
import { LIGHT_TABLE, colourTable } from "../drawing/paint.js";
import { frameBox } from "../drawing/strokes.js";
import { textWidth, write } from "../drawing/text.js";

/** The picture as the model sees it, made once. */
export function pictureImage(panel) {
  panel.pictureImage ??= pixelImage(panel.pixels);
  return panel.pictureImage;
}

/** One row per patch, with its pixels one after the other. */
export function rowsImage(panel) {
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
export function drawLamp(ctx, panel, slice, head, at, paint) {
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
  const lit = weights.map((value) => DARKEST + (1 - DARKEST) * (value / most));
  const light = heatImage(lit, 0, grid, grid, { low: 0, high: 1 }, colourTable(LIGHT_TABLE));
  const side = Math.min(image.width, grid * Math.max(1, Math.floor(LARGEST_LAMP / grid)));
  const ctx = newContext(side, side);
  ctx.imageSmoothingQuality = "high";
  ctx.drawImage(image, 0, 0, side, side);
  ctx.globalCompositeOperation = "multiply";
  ctx.imageSmoothingEnabled = false;
  ctx.drawImage(light, 0, 0, side, side);
  return ctx.canvas;
}

/** The picture for each head, lit by its weights. */
export function lamps(stage, room) {
  const { panel, head: chosen, layer } = stage;
  const slice = stage.slice("weights");
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
      const isChosen = head + 1 === chosen;
      if (isChosen) frameBox(ctx, [at.x, at.y, at.w, at.h], 2.5, paint.colour("A"), 2.5);
      const isOwn = (_value, i) => i >= count && i % count === head; // a weight of this head, on a patch
      const most = Math.max(0, ...slice.values.data.filter(isOwn));
      const long = `head ${head + 1} · max ${percentText(most, 1)}`;
      const text = textWidth(long, paint.font(12)) <= at.w ? long : `head ${head + 1}`;
      const style = { ...paint.chosen(12, isChosen), align: "center", width: at.w + 8 };
      write(ctx, text, at.x + at.w / 2, at.y + at.h + under / 2 + 1, style);
    },
  }));
}
