// Beside the pictures: the token, its strongest partners, and its row and column in A itself.

import { heatImage, stretch } from "../../drawing/images.js";
import { clamp } from "../../drawing/numbers.js";
import { withAlpha } from "../../drawing/paint.js";
import { frameBox, roundBox } from "../../drawing/strokes.js";
import { write } from "../../drawing/text.js";
import { strongest } from "../weights.js";
import { DIRECTIONS, patchText } from "../words.js";

export function paintReading(ctx, sheets, state, at) {
  const { paint } = sheets;
  const { theme } = paint;
  const { width, height } = at.reading;
  ctx.clearRect(0, 0, width, height);
  const swatch = 52;
  sheets.patch(ctx, state.token, 0, 4, swatch);
  const pin = state.pinOf(state.token);
  if (pin) sheets.badge(ctx, pin, swatch - 9, 0, 17);
  const name = patchText(state.token, sheets.size);
  write(ctx, name[0].toUpperCase() + name.slice(1), swatch + 13, 20, {
    font: paint.font(16.5, 650),
    colour: state.token ? theme.text : sheets.classColour,
    width: width - swatch - 13,
  });
  const head = state.ofHead ? `head ${state.ofHead}` : "mean";
  const where = `token ${state.token} · ${head} · layer ${state.layer}`;
  write(ctx, where, swatch + 13, 42, paint.muted(13, { width: width - swatch - 13 }));
  let y = swatch + 24;
  for (const direction of state.directions) {
    const values = state.weights.values?.[direction].chosen;
    const { most } = DIRECTIONS[direction];
    write(ctx, most[0].toUpperCase() + most.slice(1), 0, y + 8, { font: paint.font(13, 600), colour: theme.muted });
    y += 22;
    if (!values) continue;
    const partners = strongest(values, 0, sheets.tokens, at.partners);
    const largest = values[partners[0]] || 1;
    for (const partner of partners) {
      const valueWidth = 58;
      const room = width - 30 - valueWidth;
      sheets.patch(ctx, partner, 0, y + 1, 20);
      const fill = withAlpha(sheets.colour, theme.scheme === "dark" ? 0.3 : 0.24);
      roundBox(ctx, [28, y + 1, Math.max(2, room * (values[partner] / largest)), 20], 4, { fill });
      const text = patchText(partner, sheets.size) + (partner === state.token ? " · itself" : "");
      write(ctx, text, 35, y + 11.5, { font: paint.font(13), colour: theme.text, width: room - 8 });
      const query = direction === "row" ? state.token : partner;
      write(ctx, state.weights.shortWeight(values[partner], query), width, y + 11.5, {
        font: paint.font(13, 600),
        colour: theme.text,
        align: "right",
      });
      y += 25;
    }
    y += 9;
  }
  if (at.matrix) paintMatrix(ctx, sheets, state, at, y + 4);
}

/** A of the chosen head, small, with the token's row and column framed. */
function paintMatrix(ctx, sheets, state, at, y) {
  const { paint, tokens } = sheets;
  const side = at.matrix;
  const key = `matrix ${side} ${state.layer} ${state.ofHead}`;
  const image = sheets.sheet(key, side, side, (sheet) => {
    const all = state.weights.wholeMap();
    let high = 0;
    // The class token's row and column may hold weights beside which nothing else is seen.
    for (let i = tokens; i < all.length; i++) if (i % tokens && all[i] > high) high = all[i];
    stretch(sheet, heatImage(all, 0, tokens, tokens, { low: 0, high }, sheets.table), 0, 0, side, side, paint);
  });
  ctx.drawImage(image, 0, y, side, side);
  frameBox(ctx, [0, y, side, side], 0.5, paint.theme.line);
  const cell = side / tokens;
  const thick = Math.max(cell, 2.5);
  const at0 = clamp(state.token * cell + cell / 2 - thick / 2, 0, side - thick);
  for (const direction of state.directions) {
    const box = direction === "row" ? [0, y + at0, side, thick] : [at0, y, thick, side];
    frameBox(ctx, box, 1, paint.theme.text, 1.5);
  }
  const words = { row: `row ${state.token}`, column: `column ${state.token}` };
  const style = paint.muted(13, { width: at.reading.width - side - 14 });
  const title = state.ofHead ? `A, head ${state.ofHead}` : "A, mean";
  write(ctx, title, side + 14, y + 10, { ...style, font: paint.font(13, 600) });
  state.directions.forEach((each, i) => write(ctx, words[each], side + 14, y + 32 + 20 * i, style));
}
