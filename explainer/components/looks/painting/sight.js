// One of the two pictures under the pointer: the map over it, lines to those it has most to do with, pins.

import { drawLegend } from "../../drawing/legend.js";
import { clamp } from "../../drawing/numbers.js";
import { LIGHT_TABLE, colourTable } from "../../drawing/paint.js";
import { outline, roundBox } from "../../drawing/strokes.js";
import { write } from "../../drawing/text.js";
import { strongest } from "../weights.js";
import { DIRECTIONS } from "../words.js";

export const SIGHT_HEAD = 38; // CSS pixels above a picture: what it shows, and the class token
export const SIGHT_FOOT = 34; // below it: the colours
export const CLASS_TOKEN_ROOM = 168; // at the right end of the head

const MOST_LINES = 3; // from a token to those it has most to do with

/** One picture with the chosen map over it. `state` is that of LooksFrame; `values` the token's row or column. */
export function paintSight(ctx, sheets, state, size, direction) {
  const values = state.weights.values?.[direction].chosen;
  const height = SIGHT_HEAD + size + SIGHT_FOOT;
  ctx.clearRect(0, 0, size + 8, height);
  ctx.drawImage(sheets.backdrop(size, state.show), 0, SIGHT_HEAD, size, size);
  const high = values ? state.weights.high(values, 0) : 0;
  if (values) {
    ctx.imageSmoothingEnabled = false;
    ctx.drawImage(sheets.colours(values, 1, [high], state.show), 0, SIGHT_HEAD, size, size);
  }
  ctx.drawImage(sheets.grid(size), 0, SIGHT_HEAD, size, size);
  paintHead(ctx, sheets, state, size, direction, values, high);
  paintFoot(ctx, sheets, state, size, values, high);
  ctx.save();
  ctx.translate(0, SIGHT_HEAD);
  if (values) paintLines(ctx, sheets, state.token, values, size, direction);
  for (const pin of state.pins) if (pin.token > 0) sheets.pinOn(ctx, pin, size);
  const colour = state.pinOf(state.token)?.colour ?? sheets.colour;
  if (state.token > 0) outline(ctx, ...sheets.cell(size, state.token), colour);
  ctx.restore();
}

function paintHead(ctx, sheets, state, size, direction, values, high) {
  const { paint } = sheets;
  const font = paint.font(14.5, 650);
  write(ctx, DIRECTIONS[direction].title, 0, 18.5, { font, colour: paint.theme.text });
  const [x, y, side] = sheets.classCell(size);
  const index = values && high > 0 ? Math.round(clamp(values[0] / high, 0, 1) * 255) : 0;
  const fill = values ? `rgb(${sheets.table.subarray(4 * index, 4 * index + 3).join(",")})` : paint.theme.surface;
  roundBox(ctx, [x, y, side, side], 4, { fill, line: sheets.classColour, width: 1.5 });
  const pin = state.pinOf(0);
  if (state.token === 0) outline(ctx, x, y, side, side, pin?.colour ?? sheets.classColour, { radius: 4 });
  else if (pin) outline(ctx, x, y, side, side, pin.colour, { radius: 4, strength: 0.7 });
  const query = direction === "row" ? state.token : 0;
  const text = values ? `class token ${state.weights.shortWeight(values[0], query)}` : "class token";
  write(ctx, text, x - 9, y + 9.5, {
    font: paint.font(13, state.token === 0 ? 650 : 400),
    colour: state.token === 0 ? sheets.classColour : paint.theme.muted,
    align: "right",
  });
}

function paintFoot(ctx, sheets, state, size, values, high) {
  if (!values) {
    const style = { font: sheets.paint.font(13), colour: sheets.paint.theme.muted };
    write(ctx, "fetching this token's weights…", 0, SIGHT_HEAD + size + 19, style);
    return;
  }
  const table = state.show === "light" ? colourTable(LIGHT_TABLE) : sheets.table;
  const note = state.scale === "shared" ? "one scale for all maps" : "this map's own scale";
  drawLegend(ctx, 0, SIGHT_HEAD + size + 2, size, { scale: { low: 0, high }, table, note }, sheets.paint);
}

/** Curves between the token and the patches it has most to do with; the arrow goes from who looks to what is seen. */
function paintLines(ctx, sheets, token, values, size, direction) {
  const partners = strongest(values, 0, sheets.tokens, MOST_LINES, (i) => i > 0 && i !== token);
  const largest = values[partners[0]];
  if (!(largest > 0)) return;
  const middle = (place) => {
    if (place === 0) return [sheets.classCell(size)[0] + 9, -8];
    const [x, y, side] = sheets.cell(size, place);
    return [x + side / 2, y + side / 2];
  };
  ctx.save();
  ctx.lineCap = "round";
  for (const partner of partners.filter((each) => values[each] >= 0.3 * largest).reverse()) {
    const [from, to] = direction === "row" ? [token, partner] : [partner, token];
    const [[x0, y0], [x1, y1]] = [middle(from), middle(to)];
    const length = Math.hypot(x1 - x0, y1 - y0);
    const inset = Math.min(sheets.cell(size, 1)[2] * 0.34, length * 0.3);
    const [cx, cy] = [(x0 + x1) / 2 + (y1 - y0) * 0.16, (y0 + y1) / 2 - (x1 - x0) * 0.16];
    const shorten = (x, y) => {
      const away = Math.hypot(cx - x, cy - y) || 1;
      return [x + ((cx - x) / away) * inset, y + ((cy - y) / away) * inset];
    };
    const [[sx, sy], [ex, ey]] = [shorten(x0, y0), shorten(x1, y1)];
    const width = 1 + 2.2 * (values[partner] / largest);
    const angle = Math.atan2(ey - cy, ex - cx);
    const tip = 4.5 + 1.6 * width;
    for (const [style, more] of Object.entries({ "rgba(0,0,0,.62)": 2.4, "rgba(255,255,255,.96)": 0 })) {
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
