// The arrows of a flow: from card to card, and past several of them.

import { arrow } from "../drawing/strokes.js";
import { write } from "../drawing/text.js";

/** What has to be drawn for a card that comes after another: an arrow, or the sign by which it joins. */
export function drawArrows(ctx, panel, at, paint) {
  for (let i = 1; i < at.cards.length; i++) {
    const [from, to] = [at.cards[i - 1], at.cards[i]];
    const { joins } = panel.nodes[i];
    if (joins) drawSign(ctx, joins, ...placeOfSign(from, to, at), paint);
    else arrow(ctx, wayOn(from, to, at, panel.nodes[i - 1].group ? 28 : 18), paint.theme.faint);
  }
  for (const names of panel.skips) {
    const [a, b] = names.map((name) => panel.nodes.findIndex((node) => node.name === name));
    if (a < 0 || b < 0) continue;
    arrow(ctx, waySkipping(at.cards[a], at.cards[b], at), paint.colour(panel.nodes[a].quantity));
  }
}

/** The sign of Eq. 1 where a card is not made of the one before it but comes in beside it. */
function drawSign(ctx, sign, x, y, paint) {
  ctx.fillStyle = paint.theme.background;
  ctx.strokeStyle = paint.theme.muted;
  ctx.lineWidth = 1.5;
  ctx.beginPath();
  ctx.arc(x, y, 10, 0, 2 * Math.PI);
  ctx.fill();
  ctx.stroke();
  const style = { font: paint.font(15, 600), colour: paint.theme.text, align: "center" };
  write(ctx, sign, x, y + (sign === ";" ? -1 : 0.5), style);
}

const placeOfSign = (from, to, at) =>
  at.isUpright
    ? [from.x + from.width * 0.84, (from.y + from.height + to.y) / 2]
    : [to.x - at.gap / 2, to.y + to.height / 2];

/** The way from a card to the next one, which may stand in another line: [x, y] of its corners. */
function wayOn(from, to, at, under) {
  if (at.isUpright) {
    const [above, below] = [from.y + from.height + 3, to.y - 4];
    return [[from.x + from.width * 0.84, above], [to.x + to.width * 0.84, below]];
  }
  const [start, end] = [from.x + from.width, to.x - 5];
  const middle = from.y + from.height / 2;
  if (from.line === to.line) return [[start + 4, middle], [end, middle]];
  const between = from.y + from.height + under;
  const target = to.y + to.height / 2;
  return [[start + 2, middle], [start + 16, middle], [start + 16, between], [5, between], [5, target], [end, target]];
}

/** The way past the cards between two. */
function waySkipping(from, to, at) {
  if (at.isUpright) {
    const x = from.x + from.width;
    const [leaves, comes] = [from.y + from.height * 0.6, to.y + to.height * 0.4];
    return [[x + 2, leaves], [x + 17, leaves], [x + 17, comes], [x + 5, comes]];
  }
  const isBelow = from.line !== to.line;
  const [left, right] = isBelow ? [0.5, 0.5] : [0.62, 0.38];
  const [x, goal] = [from.x + from.width * left, to.x + to.width * right];
  const start = isBelow ? from.y + from.height + 2 : from.y - 2;
  const y = isBelow ? from.y + from.height + 9 : from.y - 18;
  return [[x, start], [x, y], [goal, y], [goal, to.y - 5]];
}
