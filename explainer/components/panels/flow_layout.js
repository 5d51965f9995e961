// Where the cards of a flow lie, the frames of their groups, and their small pictures.

import { textWidth, wrapped } from "../drawing/text.js";

export function layoutFlow(panel, width, paint) {
  return width < 480 ? layoutUpright(panel, width) : layoutAcross(panel, width, paint);
}

/** One card under the other, for a phone. */
function layoutUpright(panel, width) {
  const inset = panel.skips.length ? 26 : 8;
  const cards = [];
  let y = 6;
  panel.nodes.forEach((node, i) => {
    const opens = node.group && node.group !== panel.nodes[i - 1]?.group;
    const closes = panel.nodes[i - 1]?.group && node.group !== panel.nodes[i - 1].group;
    if (closes) y += 12;
    if (opens) y += 30;
    const height = node.thumbnails.length ? 92 : 64;
    cards.push({ x: 12, y, width: width - 12 - inset - 6, height, line: i });
    y += height + 26;
  });
  if (panel.nodes.at(-1)?.group) y += 12;
  return { isUpright: true, cards, width, height: y - 14, frames: groupFrames(panel, cards) };
}

function layoutAcross(panel, width, paint) {
  const { shrink } = paint;
  const [gap, inset, smallest] = [24 * shrink, 26, paint.size(104) * Math.max(0.8, shrink)];
  const room = width - 2 * inset;
  const most = Math.max(1, Math.floor((room + gap) / (smallest + gap)));
  // What comes before, in, and after a group stands in lines of its own, each filled evenly.
  const runs = [];
  panel.nodes.forEach((node, i) => {
    if (i && node.group === panel.nodes[i - 1].group) runs.at(-1).push(i);
    else runs.push([i]);
  });
  const perLine = (count) => Math.ceil(count / Math.ceil(count / most));
  // A diagram that has a card more or less for another choice says how many it has at most: cards keep their size.
  const columns = panel.columns ?? Math.max(...runs.map((run) => run.length));
  const lines = runs.flatMap((run) => {
    const each = panel.nodes[run[0]].group ? perLine(run.length) : perLine(Math.max(columns, run.length));
    return Array.from({ length: Math.ceil(run.length / each) }, (_, k) => run.slice(k * each, (k + 1) * each));
  });
  const longest = Math.max(perLine(columns), ...lines.map((line) => line.length));
  const cardWidth = Math.min(paint.size(210), (room - (longest - 1) * gap) / longest);
  const hasPictures = panel.nodes.some((node) => node.thumbnails.length);
  const text = Math.max(...panel.nodes.map((node) => textHeight(node, cardWidth - 20, paint)));
  const cardHeight = 30 + paint.size(text) + (hasPictures ? paint.size(100) * shrink : 0);
  const between = 44 * Math.max(0.6, shrink);
  const cards = [];
  let y = 6;
  lines.forEach((line, number) => {
    const hasGroup = line.some((i) => panel.nodes[i].group);
    const hasSkip = panel.skips.some(([from, to]) =>
      [from, to].every((name) => line.some((i) => panel.nodes[i].name === name)),
    );
    y += (hasGroup ? 30 : 0) + (hasSkip ? 26 : 0);
    line.forEach(
      (i, place) =>
        (cards[i] = { x: inset + place * (cardWidth + gap), y, width: cardWidth, height: cardHeight, line: number }),
    );
    y += cardHeight + (hasGroup ? 14 : 0) + between;
  });
  return { isUpright: false, cards, width, gap, inset, height: y - between + 12, frames: groupFrames(panel, cards) };
}

/** The symbol, one to three lines of name, and the shape, beside the symbol if there is room. */
export function textHeight(node, width, paint) {
  const lines = Math.min(3, wrapped(node.label, width, paint.font(13.5, 500)).length);
  return 20 + 18 * lines + (fitsBeside(node, width, paint) ? 0 : 19);
}

export const nodeFont = (paint) => `600 ${paint.size(19)}px ui-serif, Georgia, "Times New Roman", serif`;

export function fitsBeside(node, width, paint) {
  const shape = textWidth(node.shape, paint.font(13));
  return textWidth(node.symbol, nodeFont(paint)) + shape + 10 <= width;
}

/** The frame of each group, one per line it runs over. */
function groupFrames(panel, cards) {
  const frames = [];
  const isUpright = cards.every((card, i) => card.line === i) && cards.length > 1 && cards[0].x === cards[1].x;
  cards.forEach((card, i) => {
    const { group, name } = panel.nodes[i];
    if (!group) return;
    const last = frames.at(-1);
    const skips = panel.skips.length && !isUpright ? 26 : 0;
    if (last && last.group === group && (isUpright || last.line === card.line)) {
      last.right = Math.max(last.right, card.x + card.width);
      last.bottom = card.y + card.height;
    } else
      frames.push({
        group,
        name,
        line: card.line,
        left: card.x,
        top: card.y - skips,
        right: card.x + card.width,
        bottom: card.y + card.height,
      });
  });
  return frames;
}

/** Where the small pictures of a card lie. */
export function thumbnailsOf(node, card, at, paint) {
  const count = node.thumbnails.length;
  if (at.isUpright) {
    const side = card.height - 20;
    const box = [card.x + card.width - side - 12, card.y + 10, side, side];
    return node.thumbnails.slice(0, 1).map((panel) => [panel, box]);
  }
  const each = (card.width - 20 - 8 * (count - 1)) / count;
  const tall = paint.size(94) * paint.shrink;
  return node.thumbnails.map((panel, i) => [panel, [card.x + 10 + i * (each + 8), card.y + 14, each, tall]]);
}
