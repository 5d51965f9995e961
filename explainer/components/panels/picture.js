// The picture in its patches, and what is laid over it.

import { DIMMED, heatAlpha, heatImage, pixelImage, smoothed, stretch } from "../drawing/images.js";
import { nextToken } from "../core/input.js";
import { drawLegendBlock, exceeds, legendHeight } from "../drawing/legend.js";
import { exactText, tokenText, valueText } from "../drawing/numbers.js";
import { LIGHT_TABLE, colourOf, colourTable, withAlpha } from "../drawing/paint.js";
import { dashedFrame, hoverFrame, outline, roundBox } from "../drawing/strokes.js";
import { textWidth, write } from "../drawing/text.js";
import { cellWithin, fitted, patchBox } from "./small.js";

const PICTURE_LIMIT = 460; // CSS pixels; larger shows no more of a picture of 64 to 384 pixels

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
  const table = heat ? paint.table(panel.quantity, scale) : colourTable(LIGHT_TABLE);
  const image = heatImage(values, 0, size * factor, size * factor, scale, table, heat ? heatAlpha : undefined);
  ctx.save();
  if (!heat) ctx.globalCompositeOperation = "multiply";
  stretch(ctx, image, x, y, width, height, paint, smooth);
  ctx.restore();
}

export function paintGrid(ctx, x, y, width, height, size, paint) {
  ctx.save();
  const line = 1 / paint.ratio;
  for (const [style, offset] of Object.entries({ "rgba(255,255,255,.42)": 0, "rgba(0,0,0,.28)": line })) {
    ctx.fillStyle = style;
    for (let i = 1; i < size; i++) {
      ctx.fillRect(x + paint.snap((i * width) / size) - line + offset, y, line, height);
      ctx.fillRect(x, y + paint.snap((i * height) / size) - line + offset, width, line);
    }
  }
  ctx.restore();
}

export const tokenColour = (panel, token, paint) =>
  paint.colour(token === 0 ? "class_token" : panel.quantity === "image" ? "z" : panel.quantity);

/** Whether the class token has a place of its own above the picture. */
const hasClassToken = (panel) => Boolean(panel.grid_size && (panel.pick_tokens || panel.token === 0));

export const PICTURE = {
  layout(panel, width, paint) {
    const [height, breadth] = panel.pixels.shape;
    const grid = panel.grid_size ?? 1;
    const step = grid / paint.ratio;
    const size = Math.max(step, Math.floor(Math.min(width - 8, PICTURE_LIMIT * paint.shrink) / step) * step);
    const top = hasClassToken(panel) || panel.leavesPlace ? 38 : 4;
    const tall = paint.snap((size * height) / breadth / grid) * grid;
    const note = panel.overlay ? (panel.mode === "spotlight" ? "light" : "") : "";
    const legend = panel.overlay ? legendHeight(panel.scale, note, size, paint) : 0;
    return {
      x: 4,
      y: top,
      width: size,
      tall,
      note,
      legend,
      hasClassToken: hasClassToken(panel),
      height: top + tall + 4 + (legend ? legend + 2 : 0),
    };
  },
  cell(panel, at, token) {
    return patchBox(token, panel.grid_size, [at.x, at.y, at.width, at.tall]);
  },
  draw(ctx, panel, at, paint) {
    paintPicture(ctx, panel, at.x, at.y, at.width, at.tall, paint);
    if (panel.grid_size) paintGrid(ctx, at.x, at.y, at.width, at.tall, panel.grid_size, paint);
    if (at.hasClassToken) {
      const colour = paint.colour("class_token");
      const fill = withAlpha(colour, panel.token === 0 ? 0.9 : 0.16);
      roundBox(ctx, [at.x + 1, 7, 20, 20], 4, { fill, line: colour, width: 1.25 });
      const font = paint.font(13);
      const long = "class token, chosen: it has no place on the image";
      const chosen = textWidth(long, font) <= at.width - 32 ? long : "class token, chosen";
      const text = panel.token === 0 ? chosen : "class token";
      const ink = panel.token === 0 ? colour : paint.theme.muted;
      write(ctx, text, at.x + 32, 17.5, { font, colour: ink, width: at.width - 32 });
    }
    if (panel.overlay) {
      const table = panel.mode === "spotlight" ? colourTable(LIGHT_TABLE) : paint.table(panel.quantity, panel.scale);
      const outside = exceeds(panel.overlay.data, panel.scale);
      const legend = { scale: panel.scale, table, outside, note: at.note };
      drawLegendBlock(ctx, at.x, at.y + at.tall + 4, at.width, at.legend, legend, paint);
    }
  },
  mark(ctx, panel, at, paint, hover) {
    if (!panel.grid_size) return;
    for (const token of panel.marked) dashedFrame(ctx, ...this.cell(panel, at, token));
    if (panel.token > 0) outline(ctx, ...this.cell(panel, at, panel.token), tokenColour(panel, panel.token, paint));
    if (panel.token === 0 && at.hasClassToken)
      outline(ctx, at.x + 1, 7, 20, 20, paint.colour("class_token"), { radius: 4 });
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
    const value = (patch) => valueText(panel.overlay.data[patch], panel.overlay.uncertainty(patch));
    if (!panel.grid_size) {
      const [height, width] = panel.pixels.shape;
      const [row, column] = [Math.floor(cell / width), cell % width];
      if (panel.overlay) {
        const size = panel.overlay.shape[0];
        const patch = Math.floor((row * size) / height) * size + Math.floor((column * size) / width);
        return [value(patch), ...tokenText(patch + 1, size).split(" · ")];
      }
      const rgb = panel.pixels.data.slice(3 * cell, 3 * cell + 3);
      return [`red ${rgb[0]}, green ${rgb[1]}, blue ${rgb[2]}`, `pixel row ${row}, column ${column}`];
    }
    if (cell === 0) {
      const place = ["class token", "has no place on the image"];
      return panel.class_value == null ? place : [valueText(panel.class_value), ...place];
    }
    const [name, place] = tokenText(cell, panel.grid_size).split(" · ");
    if (!panel.overlay) return [name, place];
    return [value(cell - 1), name, place];
  },
  pick(panel, cell) {
    if (panel.brush) return cell > 0 ? { [panel.brush]: String(cell) } : null;
    return panel.pick_tokens && panel.grid_size ? { [panel.pick_as ?? "token"]: cell } : null;
  },
  chosen: (panel) => panel.token ?? null,
  move(panel, at, cell, right, down) {
    const size = panel.grid_size;
    return size ? nextToken(cell, size, right, down, at.hasClassToken) : cell;
  },
  /** Of all tokens where the class token has a value, as the tensor has them. */
  numbers({ overlay, pixels, class_value: first }) {
    if (!overlay) return [["pixels", pixels]];
    if (first == null) return [["values", overlay]];
    return [["values", { shape: [overlay.data.length + 1], data: Float32Array.from([first, ...overlay.data]) }]];
  },
  table(panel) {
    if (panel.overlay) {
      const size = panel.overlay.shape[0];
      return [
        ["token", "row", "column", "value"], // of patches; the class token, token 0, has no row and no column
        ...(panel.class_value == null ? [] : [[0, "", "", exactText(Math.fround(panel.class_value))]]),
        ...Array.from(panel.overlay.data, (value, i) => [
          i + 1,
          Math.floor(i / size) + 1,
          (i % size) + 1,
          exactText(value, panel.overlay.uncertainty(i)),
        ]),
      ];
    }
    const [height, width] = panel.pixels.shape;
    const { data } = panel.pixels;
    const rows = Array.from({ length: height * width }, (_, i) => [
      Math.floor(i / width),
      i % width,
      data[3 * i],
      data[3 * i + 1],
      data[3 * i + 2],
    ]);
    return [["row", "column", "red", "green", "blue"], ...rows];
  },
  canPick: (panel) => panel.pick_tokens || panel.brush,
  hasClassToken,
  first: (panel, at) => (panel.grid_size && !at.hasClassToken ? 1 : 0),
  origin(panel, cell) {
    const width = panel.pixels.shape[1];
    return [panel.origin, { token: cell, row: Math.floor(cell / width), column: cell % width }];
  },
  firstSmallCell: 1,
  drawSmall(ctx, panel, box, paint) {
    const [left, top, w, h] = fitted(panel.pixels.shape[1] / panel.pixels.shape[0], box);
    paintPicture(ctx, panel, left, top, w, h, paint);
    if (panel.grid_size && panel.grid_size <= 16) paintGrid(ctx, left, top, w, h, panel.grid_size, paint);
    if (!(panel.token > 0)) return;
    const cell = patchBox(panel.token, panel.grid_size, [left, top, w, w]);
    outline(ctx, ...cell, tokenColour(panel, panel.token, paint), { strength: 0.5 });
  },
  smallCell(panel, box, place) {
    const size = panel.overlay ? panel.overlay.shape[0] : panel.pixels.shape[0];
    const cell = cellWithin(fitted(1, box), size, panel.overlay ? size : panel.pixels.shape[1], place);
    return cell == null || !panel.overlay ? cell : cell + 1; // a token's number
  },
  applies(panel, pick) {
    if (panel.brush && pick[panel.brush]) panel.marked = [...panel.marked, ...pick[panel.brush].split(",").map(Number)];
    const token = pick[panel.pick_as ?? "token"];
    const isHere = token <= (panel.grid_size ?? 0) ** 2; // beside it may lie a picture with more patches
    if (isHere && (panel.pick_tokens || panel.token != null)) panel.token = token;
  },
};
