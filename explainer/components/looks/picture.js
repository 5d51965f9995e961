// The picture under the pointer for a file.

import { element } from "../drawing/element.js";
import { sized } from "../drawing/images.js";
import { Paint } from "../drawing/paint.js";
import { write } from "../drawing/text.js";
import { paintMaps } from "./painting/maps.js";
import { paintReading } from "./painting/reading.js";
import { SIGHT_FOOT, SIGHT_HEAD, paintSight } from "./painting/sight.js";
import { Sheets } from "./painting/sheets.js";
import { headText, patchText } from "./words.js";

/** Everything that is drawn, below each other, on the page's background and twice as large. */
export function lookedPicture({ panel, host, state, at, size, maps }) {
  const [ratio, margin] = [2, 24];
  const paint = new Paint(host.paint.theme, host.view, ratio);
  const sheets = new Sheets(panel, paint);
  const entries = state.showsAll ? maps.all.map(({ entry }) => entry()) : [];
  const mapsHeight = at.maps.height + 34;
  const sightHeight = SIGHT_HEAD + at.size + SIGHT_FOOT;
  const stacked = state.directions.length * sightHeight + at.reading.height;
  const sights = at.isStacked ? stacked : Math.max(sightHeight, at.reading.height);
  const height = 34 + sights + 16 + mapsHeight * entries.length;
  const canvas = element("canvas");
  const ctx = sized(canvas, at.width + 2 * margin, height + 2 * margin, ratio);
  ctx.fillStyle = paint.theme.background;
  ctx.fillRect(0, 0, canvas.width, canvas.height);
  const part = (x, y, width, tall, draw) => {
    // Painters clear what they draw on: each gets a canvas of its own.
    const own = element("canvas");
    draw(sized(own, width, tall, ratio));
    ctx.drawImage(own, x + margin, y + margin, own.width / ratio, own.height / ratio);
  };
  const title = { font: paint.font(16, 600), colour: paint.theme.text };
  write(ctx, `${panel.title}: ${headText(state)}, layer ${state.layer}`, margin, margin + 10, title);
  let [x, y] = [0, 34];
  for (const direction of state.directions) {
    part(x, y, at.size + 4, sightHeight, (own) => paintSight(own, sheets, state, at.size, direction));
    if (at.isStacked) y += sightHeight;
    else x += at.size + at.between;
  }
  part(x, y, at.reading.width, at.reading.height, (own) => paintReading(own, sheets, state, at));
  y = 34 + sights + 16;
  const small = { font: paint.font(14, 600), colour: paint.theme.text };
  for (const entry of entries) {
    const name = `${entry.pin ? `${entry.pin.letter}: ` : ""}all heads, ${patchText(entry.token, size)}`;
    write(ctx, name, margin, margin + y + 10, small);
    part(0, y + 28, at.width, at.maps.height, (own) => paintMaps(own, sheets, state, at.maps, entry));
    y += mapsHeight;
  }
  return canvas;
}
