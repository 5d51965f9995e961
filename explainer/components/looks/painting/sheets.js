// What is painted wherever the picture under the pointer is seen: itself, its grid, colours, patches, pins.

import { newContext } from "../../drawing/element.js";
import { heatAlpha, pixelImage } from "../../drawing/images.js";
import { colourOf, inkOn, withAlpha } from "../../drawing/paint.js";
import { outline, roundBox } from "../../drawing/strokes.js";
import { write } from "../../drawing/text.js";
import { paintGrid } from "../../panels/picture.js";
import { patchBox } from "../../panels/small.js";

const PALE = { light: 0.26, dark: 0.36 }; // how far the picture below the colours moves towards the page

/** 256 colours, four bytes each as one number, for one scale laid over the picture. */
const wordTables = new Map();

function wordTable(table, show) {
  const key = show === "light" ? "light" : table;
  if (!wordTables.has(key)) {
    const bytes = new Uint8ClampedArray(4 * 256);
    for (let i = 0; i < 256; i++) {
      const t = i / 255;
      if (show === "light") bytes[4 * i + 3] = 255 * 0.93 * (1 - t) ** 1.15;
      else {
        bytes.set(table.subarray(4 * i, 4 * i + 3), 4 * i);
        bytes[4 * i + 3] = 255 * heatAlpha(t);
      }
    }
    wordTables.set(key, new Uint32Array(bytes.buffer));
  }
  return wordTables.get(key);
}

/** Canvases that are drawn once for a panel and its look, and what is drawn with them. */
export class Sheets {
  constructor(panel, paint) {
    this.panel = panel;
    this.paint = paint;
    this.size = panel.grid_size;
    this.tokens = this.size ** 2 + 1;
    this.table = paint.table("A", { diverging: false });
    this.colour = paint.colour("A");
    this.classColour = paint.colour("class_token");
    this.cache = new Map();
    this.heat = newContext(0, 0); // of `colours`: its pixels, and the same as one number each
    this.heatImage = new ImageData(1, 1);
    this.heatWords = new Uint32Array();
  }

  cached(key, make) {
    if (!this.cache.has(key)) this.cache.set(key, make());
    return this.cache.get(key);
  }

  /** A canvas of device pixels drawn once. */
  sheet(key, width, height, draw) {
    return this.cached(key, () => {
      const { ratio } = this.paint;
      const ctx = newContext(Math.round(width * ratio), Math.round(height * ratio));
      ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
      draw(ctx);
      return ctx.canvas;
    });
  }

  /** The picture for a size: drained and pale below colours, as it is below light. */
  backdrop(size, show) {
    return this.sheet(`backdrop ${size} ${show}`, size, size, (ctx) => {
      const { pixels } = this.panel;
      const { theme, ratio } = this.paint;
      const image = this.cached(`image ${show}`, () =>
        pixelImage(pixels, 0, show === "light" ? 0 : PALE[theme.scheme], colourOf(theme.background)),
      );
      ctx.imageSmoothingEnabled = (size * ratio) / pixels.shape[1] < 4;
      ctx.imageSmoothingQuality = "high";
      ctx.drawImage(image, 0, 0, size, size);
    });
  }

  grid(size) {
    return this.sheet(`grid ${size}`, size, size, (ctx) => {
      ctx.globalAlpha = this.size > 10 ? 0.55 : 0.9;
      paintGrid(ctx, 0, 0, size, size, this.size, this.paint);
    });
  }

  /** Maps of patches below each other in one small canvas, one pixel to a patch. */
  colours(data, count, highs, show) {
    const { size, tokens } = this;
    const { canvas } = this.heat;
    if (canvas.height !== size * count) {
      canvas.width = size;
      canvas.height = size * count;
      this.heatImage = this.heat.createImageData(size, size * count);
      this.heatWords = new Uint32Array(this.heatImage.data.buffer);
    }
    const words = wordTable(this.table, show);
    for (let map = 0; map < count; map++) {
      const factor = highs[map] > 0 ? 255 / highs[map] : 0;
      const [from, to] = [map * tokens + 1, map * (tokens - 1)];
      for (let i = 0; i < tokens - 1; i++) {
        const step = data[from + i] * factor + 0.5;
        this.heatWords[to + i] = words[step > 255 ? 255 : step | 0];
      }
    }
    this.heat.putImageData(this.heatImage, 0, 0);
    return canvas;
  }

  cell(size, token) {
    return patchBox(token, this.size, [0, 0, size, size]);
  }

  /** Where the class token's square is above a picture. */
  classCell = (size) => [size - 22, 9, 18, 18];

  pinOn(ctx, pin, size) {
    const [x, y, side] = this.cell(size, pin.token);
    outline(ctx, x, y, side, side, pin.colour);
    this.badge(ctx, pin, x + side - 4, y - 7, 15);
  }

  /** A pin's letter on its colour. */
  badge(ctx, pin, x, y, size) {
    roundBox(ctx, [x, y, size, size], 4, { fill: pin.colour, line: "rgba(0,0,0,.75)" });
    write(ctx, pin.letter, x + size / 2, y + size / 2 + 0.5, {
      font: this.paint.font(size * 0.72, 750),
      colour: inkOn(colourOf(pin.colour)),
      align: "center",
    });
  }

  /** A piece of the picture: one patch. */
  patch(ctx, token, x, y, side) {
    const { pixels } = this.panel;
    ctx.save();
    ctx.beginPath();
    ctx.roundRect(x, y, side, side, Math.min(6, side / 6));
    if (token === 0) {
      ctx.fillStyle = withAlpha(this.classColour, 0.18);
      ctx.fill();
      ctx.strokeStyle = this.classColour;
      ctx.lineWidth = 1.25;
      ctx.stroke();
    } else {
      ctx.clip();
      const image = this.cached("image light", () => pixelImage(pixels));
      const width = pixels.shape[1] / this.size;
      const [row, column] = [Math.floor((token - 1) / this.size), (token - 1) % this.size];
      ctx.imageSmoothingEnabled = (side * this.paint.ratio) / width < 3;
      ctx.drawImage(image, column * width, row * width, width, width, x, y, side, side);
    }
    ctx.restore();
  }
}
