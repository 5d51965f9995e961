// The maps of all heads for one token.

import { boundText } from "../../drawing/numbers.js";
import { outline, roundBox } from "../../drawing/strokes.js";
import { textWidth, write } from "../../drawing/text.js";

export const MAP_LABEL = 24;

/** `entry` is {values, token, pin}. */
export function paintMaps(ctx, sheets, state, at, entry) {
  const { paint, tokens, size } = sheets;
  const { heads } = state.weights;
  const { directions } = state;
  const { values } = entry;
  const drawn = {};
  const backdrop = sheets.backdrop(at.tile, state.show);
  directions.forEach((direction, d) => {
    if (!values) return;
    const data = values[direction].heads;
    drawn[direction] = Array.from({ length: heads }, (_, head) => state.weights.high(data, head * tokens));
    const sheet = sheets.colours(data, heads, drawn[direction], state.show);
    for (let head = 0; head < heads; head++) {
      const [x, y] = tilePlace(at, head, d);
      ctx.drawImage(backdrop, x, y, at.tile, at.tile);
      ctx.imageSmoothingEnabled = false;
      ctx.drawImage(sheet, 0, head * size, size, size, x, y, at.tile, at.tile);
      if (entry.token > 0) {
        const [cx, cy, side] = sheets.cell(at.tile, entry.token);
        const colour = entry.pin?.colour ?? sheets.colour;
        outline(ctx, x + cx, y + cy, side, side, colour, { strength: at.tile < 100 ? 0.5 : 0.65 });
      }
    }
  });
  for (let head = 0; head < heads; head++) {
    const [x, y] = tilePlace(at, head, 0);
    const isChosen = state.ofHead === head + 1;
    const width = at.tile * directions.length + at.inner * (directions.length - 1);
    const box = [x - 3.25, y - 3.25, width + 6.5, at.tile + 6.5];
    if (isChosen) roundBox(ctx, box, 5, { line: sheets.colour, width: 2.5 });
    const label = paint.chosen(13, isChosen);
    const hasOwn = values && state.scale !== "shared";
    const numbers = hasOwn ? directions.map((each) => `≤ ${boundText(drawn[each][head], 2)}`) : [];
    const name = `head ${head + 1}`;
    const [nameWidth, first] = [textWidth(name, label.font), numbers[0] ? textWidth(numbers[0], paint.font(12)) : 0];
    const beside = numbers.length && nameWidth + first + 8 <= at.tile;
    write(ctx, name, x, y + at.tile + 13.5, label);
    if (beside)
      numbers.forEach((text, d) =>
        write(ctx, text, tilePlace(at, head, d)[0] + at.tile, y + at.tile + 13.5, paint.muted(12, { align: "right" })),
      );
  }
}

/** Where the map of a head is, of the directions shown the one of this number. */
export function tilePlace(at, head, direction) {
  const column = head % at.perRow;
  const line = Math.floor(head / at.perRow);
  return [
    4 + column * (at.cell + at.gap) + direction * (at.tile + at.inner),
    at.top + line * (at.tile + MAP_LABEL + 8),
  ];
}
