// How the panel of looks.js is drawn: the picture under the pointer twice, what is read there, and a map for every head.

import { heatAlpha, heatImage, pixelImage, stretch } from "../core/images.js";
import { drawLegend } from "../core/legend.js";
import { boundText, clamp } from "../core/numbers.js";
import { LIGHT_TABLE, colourOf, colourTable, inkOn, withAlpha } from "../core/paint.js";
import { outline } from "../core/strokes.js";
import { textWidth, write } from "../core/text.js";
import { paintGrid } from "../panels/picture.js";

export const SIGHT_HEAD = 38; // CSS pixels above a picture: what it shows, and the class token
export const SIGHT_FOOT = 34; // below it: the colours
export const CLASS_TOKEN_ROOM = 168; // at the right end of the head

export const DIRECTIONS = {
  row: { title: "Where it looks", most: "looks most at" },
  column: { title: "Who looks at it", most: "most looked at by" },
};
const PALE = { light: 0.26, dark: 0.36 }; // how far the picture below the colours moves towards the page
export const LETTERS = "ABCDEF";
const MOST_LINES = 3; // from a token to those it has most to do with
export const MAP_LABEL = 24;

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

/** The largest weight on a patch: the class token has no place on the picture, and would often outshine it. */
export function largestOnPatches(data, start, tokens) {
  let largest = 0;
  for (let i = start + 1; i < start + tokens; i++) if (data[i] > largest) largest = data[i];
  return largest;
}

/** The places of the `count` largest of data[start .. start + tokens). */
export function strongest(data, start, tokens, count, isAllowed = () => true) {
  const best = [];
  for (let i = 0; i < tokens; i++) {
    if (best.length === count && data[start + i] <= data[start + best[count - 1]]) continue;
    if (!isAllowed(i)) continue;
    let place = best.length;
    while (place && data[start + best[place - 1]] < data[start + i]) place--;
    best.splice(place, 0, i);
    if (best.length > count) best.pop();
  }
  return best;
}

export class LooksPainter {
  constructor(panel, paint) {
    this.panel = panel;
    this.paint = paint;
    this.size = panel.grid_size;
    this.tokens = this.size ** 2 + 1;
    this.table = paint.table("A", { diverging: false });
    this.colour = paint.colour("A");
    this.classColour = paint.colour("class_token");
    this.cache = new Map();
    this.heat = document.createElement("canvas");
  }

  cached(key, make) {
    if (!this.cache.has(key)) this.cache.set(key, make());
    return this.cache.get(key);
  }

  /** A canvas of device pixels drawn once. */
  sheet(key, width, height, draw) {
    return this.cached(key, () => {
      const canvas = document.createElement("canvas");
      const { ratio } = this.paint;
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
      const ctx = canvas.getContext("2d");
      ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
      draw(ctx);
      return canvas;
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
    const { size, tokens, heat } = this;
    if (heat.width !== size || heat.height !== size * count) {
      heat.width = size;
      heat.height = size * count;
      this.heatContext = heat.getContext("2d");
      this.heatImage = this.heatContext.createImageData(size, size * count);
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
    this.heatContext.putImageData(this.heatImage, 0, 0);
    return heat;
  }

  cell(size, token) {
    const side = size / this.size;
    const row = Math.floor((token - 1) / this.size);
    return [(token - 1 - row * this.size) * side, row * side, side, side];
  }

  /** Where the class token's square is above a picture. */
  classCell = (size) => [size - 22, 9, 18, 18];

  /** One picture with the chosen map over it. `state` is that of LooksFrame; `values` the token's row or column. */
  sight(ctx, state, size, direction) {
    const { paint } = this;
    const values = state.values?.[direction].chosen;
    const height = SIGHT_HEAD + size + SIGHT_FOOT;
    ctx.clearRect(0, 0, size + 8, height);
    ctx.drawImage(this.backdrop(size, state.show), 0, SIGHT_HEAD, size, size);
    const high = values ? state.high(values, 0) : 0;
    if (values) {
      ctx.imageSmoothingEnabled = false;
      ctx.drawImage(this.colours(values, 1, [high], state.show), 0, SIGHT_HEAD, size, size);
    }
    ctx.drawImage(this.grid(size), 0, SIGHT_HEAD, size, size);
    this.sightHead(ctx, state, size, direction, values, high);
    this.sightFoot(ctx, state, size, values, high);
    ctx.save();
    ctx.translate(0, SIGHT_HEAD);
    if (values) this.lines(ctx, state.token, values, size, direction);
    for (const pin of state.pins) if (pin.token > 0) this.pinOn(ctx, pin, size);
    if (state.token > 0) outline(ctx, ...this.cell(size, state.token), state.pinOf(state.token)?.colour ?? this.colour);
    ctx.restore();
  }

  sightHead(ctx, state, size, direction, values, high) {
    const { paint } = this;
    const font = paint.font(14.5, 650);
    write(ctx, DIRECTIONS[direction].title, 0, 18.5, { font, colour: paint.theme.text });
    const [x, y, side] = this.classCell(size);
    const index = values && high > 0 ? Math.round(clamp(values[0] / high, 0, 1) * 255) : 0;
    ctx.fillStyle = values ? `rgb(${this.table.subarray(4 * index, 4 * index + 3).join(",")})` : paint.theme.surface;
    ctx.strokeStyle = this.classColour;
    ctx.lineWidth = 1.5;
    ctx.beginPath();
    ctx.roundRect(x, y, side, side, 4);
    ctx.fill();
    ctx.stroke();
    const pin = state.pinOf(0);
    if (state.token === 0) outline(ctx, x, y, side, side, pin?.colour ?? this.classColour, { radius: 4 });
    else if (pin) outline(ctx, x, y, side, side, pin.colour, { radius: 4, strength: 0.7 });
    const query = direction === "row" ? state.token : 0;
    const text = values ? `class token ${state.shortWeight(values[0], query)}` : "class token";
    write(ctx, text, x - 9, y + 9.5, {
      font: paint.font(13, state.token === 0 ? 650 : 400),
      colour: state.token === 0 ? this.classColour : paint.theme.muted,
      align: "right",
    });
  }

  sightFoot(ctx, state, size, values, high) {
    if (!values) {
      const style = { font: this.paint.font(13), colour: this.paint.theme.muted };
      write(ctx, "fetching this token's weights…", 0, SIGHT_HEAD + size + 19, style);
      return;
    }
    const table = state.show === "light" ? colourTable(LIGHT_TABLE) : this.table;
    const note = state.scale === "shared" ? "one scale for all maps" : "this map's own scale";
    drawLegend(ctx, 0, SIGHT_HEAD + size + 2, size, { scale: { low: 0, high }, table, note }, this.paint);
  }

  /** Curves between the token and the patches it has most to do with; the arrow goes from who looks to what is seen. */
  lines(ctx, token, values, size, direction) {
    const partners = strongest(values, 0, this.tokens, MOST_LINES, (i) => i > 0 && i !== token);
    const largest = values[partners[0]];
    if (!(largest > 0)) return;
    const middle = (place) => {
      if (place === 0) return [this.classCell(size)[0] + 9, -8];
      const [x, y, side] = this.cell(size, place);
      return [x + side / 2, y + side / 2];
    };
    ctx.save();
    ctx.lineCap = "round";
    for (const partner of partners.filter((each) => values[each] >= 0.3 * largest).reverse()) {
      const [from, to] = direction === "row" ? [token, partner] : [partner, token];
      const [[x0, y0], [x1, y1]] = [middle(from), middle(to)];
      const length = Math.hypot(x1 - x0, y1 - y0);
      const inset = Math.min(this.cell(size, 1)[2] * 0.34, length * 0.3);
      const [cx, cy] = [(x0 + x1) / 2 + (y1 - y0) * 0.16, (y0 + y1) / 2 - (x1 - x0) * 0.16];
      const shorten = (x, y) => {
        const away = Math.hypot(cx - x, cy - y) || 1;
        return [x + ((cx - x) / away) * inset, y + ((cy - y) / away) * inset];
      };
      const [[sx, sy], [ex, ey]] = [shorten(x0, y0), shorten(x1, y1)];
      const width = 1 + 2.2 * (values[partner] / largest);
      const angle = Math.atan2(ey - cy, ex - cx);
      const tip = 4.5 + 1.6 * width;
      for (const [more, style] of [
        [2.4, "rgba(0,0,0,.62)"],
        [0, "rgba(255,255,255,.96)"],
      ]) {
        ctx.strokeStyle = ctx.fillStyle = style;
        ctx.lineWidth = width + more;
        ctx.beginPath();
        ctx.moveTo(sx, sy);
        ctx.quadraticCurveTo(cx, cy, ex - Math.cos(angle) * tip * 0.7, ey - Math.sin(angle) * tip * 0.7);
        ctx.stroke();
        const reach = tip + more;
        const [hx, hy] = [ex + (Math.cos(angle) * more) / 2, ey + (Math.sin(angle) * more) / 2];
        ctx.beginPath();
        ctx.moveTo(hx, hy);
        ctx.lineTo(hx - reach * Math.cos(angle - 0.48), hy - reach * Math.sin(angle - 0.48));
        ctx.lineTo(hx - reach * Math.cos(angle + 0.48), hy - reach * Math.sin(angle + 0.48));
        ctx.fill();
      }
    }
    ctx.restore();
  }

  pinOn(ctx, pin, size) {
    const [x, y, side] = this.cell(size, pin.token);
    outline(ctx, x, y, side, side, pin.colour);
    this.badge(ctx, pin, x + side - 4, y - 7, 15);
  }

  /** A pin's letter on its colour. */
  badge(ctx, pin, x, y, size) {
    ctx.fillStyle = pin.colour;
    ctx.strokeStyle = "rgba(0,0,0,.75)";
    ctx.lineWidth = 1;
    ctx.beginPath();
    ctx.roundRect(x, y, size, size, 4);
    ctx.fill();
    ctx.stroke();
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

  placeText(token) {
    if (token === 0) return "class token";
    return `row ${Math.floor((token - 1) / this.size) + 1}, column ${((token - 1) % this.size) + 1}`;
  }

  /** Beside the pictures: the token, its strongest partners, and its row and column in A itself. */
  reading(ctx, state, at) {
    const { paint } = this;
    const { theme } = paint;
    const { width, height } = at.reading;
    ctx.clearRect(0, 0, width, height);
    const swatch = 52;
    this.patch(ctx, state.token, 0, 4, swatch);
    const pin = state.pinOf(state.token);
    if (pin) this.badge(ctx, pin, swatch - 9, 0, 17);
    const name = this.placeText(state.token);
    write(ctx, name[0].toUpperCase() + name.slice(1), swatch + 13, 20, {
      font: paint.font(16.5, 650),
      colour: state.token ? theme.text : this.classColour,
      width: width - swatch - 13,
    });
    const head = state.ofHead ? `head ${state.ofHead}` : "mean";
    write(ctx, `token ${state.token} · ${head} · layer ${state.layer}`, swatch + 13, 42, {
      font: paint.font(13),
      colour: theme.muted,
      width: width - swatch - 13,
    });
    let y = swatch + 24;
    for (const direction of state.directions) {
      const values = state.values?.[direction].chosen;
      const { most } = DIRECTIONS[direction];
      write(ctx, most[0].toUpperCase() + most.slice(1), 0, y + 8, { font: paint.font(13, 600), colour: theme.muted });
      y += 22;
      if (!values) continue;
      const partners = strongest(values, 0, this.tokens, at.partners);
      const largest = values[partners[0]] || 1;
      for (const partner of partners) {
        const valueWidth = 58;
        const room = width - 30 - valueWidth;
        this.patch(ctx, partner, 0, y + 1, 20);
        ctx.fillStyle = withAlpha(this.colour, theme.scheme === "dark" ? 0.3 : 0.24);
        ctx.beginPath();
        ctx.roundRect(28, y + 1, Math.max(2, room * (values[partner] / largest)), 20, 4);
        ctx.fill();
        const text = partner === state.token ? `${this.placeText(partner)} · itself` : this.placeText(partner);
        write(ctx, text, 35, y + 11.5, { font: paint.font(13), colour: theme.text, width: room - 8 });
        const query = direction === "row" ? state.token : partner;
        write(ctx, state.shortWeight(values[partner], query), width, y + 11.5, {
          font: paint.font(13, 600),
          colour: theme.text,
          align: "right",
        });
        y += 25;
      }
      y += 9;
    }
    if (at.matrix) this.matrix(ctx, state, at, y + 4);
  }

  /** A of the chosen head, small, with the token's row and column framed. */
  matrix(ctx, state, at, y) {
    const { paint, tokens } = this;
    const side = at.matrix;
    const key = `matrix ${side} ${state.layer} ${state.ofHead}`;
    const image = this.sheet(key, side, side, (sheet) => {
      const all = state.wholeMap();
      let high = 0;
      // The class token's row and column may hold weights beside which nothing else is seen.
      for (let i = tokens; i < all.length; i++) if (i % tokens && all[i] > high) high = all[i];
      stretch(sheet, heatImage(all, 0, tokens, tokens, { low: 0, high }, this.table), 0, 0, side, side, paint);
    });
    ctx.drawImage(image, 0, y, side, side);
    ctx.strokeStyle = paint.theme.line;
    ctx.lineWidth = 1;
    ctx.strokeRect(-0.5, y - 0.5, side + 1, side + 1);
    const cell = side / tokens;
    const thick = Math.max(cell, 2.5);
    const at0 = clamp(state.token * cell + cell / 2 - thick / 2, 0, side - thick);
    for (const direction of state.directions) {
      const box = direction === "row" ? [0, y + at0, side, thick] : [at0, y, thick, side];
      ctx.lineWidth = 1.5;
      ctx.strokeStyle = paint.theme.text;
      ctx.strokeRect(box[0] - 1, box[1] - 1, box[2] + 2, box[3] + 2);
    }
    const words = { row: `row ${state.token}`, column: `column ${state.token}` };
    const style = { font: paint.font(13), colour: paint.theme.muted, width: at.reading.width - side - 14 };
    const title = state.ofHead ? `A, head ${state.ofHead}` : "A, mean";
    write(ctx, title, side + 14, y + 10, { ...style, font: paint.font(13, 600) });
    state.directions.forEach((each, i) => write(ctx, words[each], side + 14, y + 32 + 20 * i, style));
  }

  /** The maps of all heads for one token: `entry` is {values, token, pin}. */
  maps(ctx, state, at, entry) {
    const { paint } = this;
    const { heads, tokens, size } = this.of(state);
    const directions = state.directions;
    const values = entry.values;
    const drawn = {};
    directions.forEach((direction) => {
      if (!values) return;
      const data = values[direction].heads;
      drawn[direction] = Array.from({ length: heads }, (_, head) => state.high(data, head * tokens));
    });
    const backdrop = this.backdrop(at.tile, state.show);
    directions.forEach((direction, d) => {
      if (!values) return;
      const sheet = this.colours(values[direction].heads, heads, drawn[direction], state.show);
      for (let head = 0; head < heads; head++) {
        const [x, y] = this.tilePlace(at, head, d);
        ctx.drawImage(backdrop, x, y, at.tile, at.tile);
        ctx.imageSmoothingEnabled = false;
        ctx.drawImage(sheet, 0, head * size, size, size, x, y, at.tile, at.tile);
        if (entry.token > 0) {
          const [cx, cy, side] = this.cell(at.tile, entry.token);
          const colour = entry.pin?.colour ?? this.colour;
          outline(ctx, x + cx, y + cy, side, side, colour, { strength: at.tile < 100 ? 0.5 : 0.65 });
        }
      }
    });
    for (let head = 0; head < heads; head++) {
      const [x, y] = this.tilePlace(at, head, 0);
      const isChosen = state.ofHead === head + 1;
      const width = at.tile * directions.length + at.inner * (directions.length - 1);
      if (isChosen) {
        ctx.strokeStyle = this.colour;
        ctx.lineWidth = 2.5;
        ctx.beginPath();
        ctx.roundRect(x - 3.25, y - 3.25, width + 6.5, at.tile + 6.5, 5);
        ctx.stroke();
      }
      const label = { font: paint.font(13, isChosen ? 650 : 400), colour: isChosen ? paint.theme.text : paint.theme.muted };
      const numbers = values && state.scale !== "shared" ? directions.map((each) => `≤ ${boundText(drawn[each][head], 2)}`) : [];
      const name = `head ${head + 1}`;
      const [nameWidth, first] = [textWidth(name, label.font), numbers[0] ? textWidth(numbers[0], paint.font(12)) : 0];
      const beside = numbers.length && nameWidth + first + 8 <= at.tile;
      write(ctx, name, x, y + at.tile + 13.5, label);
      if (beside)
        numbers.forEach((text, d) =>
          write(ctx, text, this.tilePlace(at, head, d)[0] + at.tile, y + at.tile + 13.5, {
            font: paint.font(12),
            colour: paint.theme.muted,
            align: "right",
          }),
        );
    }
  }

  of(state) {
    return { heads: state.heads, tokens: this.tokens, size: this.size };
  }

  tilePlace(at, head, direction) {
    const column = head % at.perRow;
    const line = Math.floor(head / at.perRow);
    return [
      4 + column * (at.cell + at.gap) + direction * (at.tile + at.inner),
      at.top + line * (at.tile + MAP_LABEL + 8),
    ];
  }
}
