// The pipeline as cards joined by arrows, with small pictures of the real tensors.

import { links, relation } from "../core/links.js";
import { clamp } from "../drawing/numbers.js";
import { mix } from "../drawing/paint.js";
import { litFrame, roundBox } from "../drawing/strokes.js";
import { wrapped, write } from "../drawing/text.js";
import { drawArrows } from "./flow_arrows.js";
import { fitsBeside, layoutFlow, nodeFont, textHeight, thumbnailsOf } from "./flow_layout.js";
import { SIMPLE_KINDS } from "./simple.js";

export const FLOW = {
  layout: layoutFlow,
  draw(ctx, panel, at, paint) {
    for (const frame of at.frames) {
      const [x, y] = [frame.left - 10, frame.top - 27];
      const width = frame.right - frame.left + 20 + (at.isUpright && panel.skips.length ? 18 : 0);
      const look = { fill: paint.theme.surface, line: paint.theme.faint, width: 1.25 };
      ctx.setLineDash([4, 4]);
      roundBox(ctx, [x, y, width, frame.bottom - frame.top + 38], 12, look);
      ctx.setLineDash([]);
      const words = { font: paint.font(13.5, 600), colour: paint.theme.muted, width: frame.right - frame.left };
      write(ctx, frame.group, x + 12, y + 14, words);
    }
    drawArrows(ctx, panel, at, paint);
    at.small = panel.nodes.map((node, i) => thumbnailsOf(node, at.cards[i], at, paint));
    panel.nodes.forEach((node, i) => this.drawCard(ctx, node, at.cards[i], at, paint));
  },
  /** The number of a small picture under the pointer; by keys that in the first one's corner. */
  origin(panel, cell, at, pointer) {
    const small = at.small?.[cell] ?? [];
    for (const [thumbnail, box] of small) {
      const kind = SIMPLE_KINDS[thumbnail.kind];
      const place = pointer?.x == null ? (kind.firstSmallCell ?? 0) : kind.smallCell?.(thumbnail, box, pointer);
      if (place == null) continue;
      const longest = thumbnail.strips?.[0].values.shape[0];
      const [origin, places] = kind.origin?.(thumbnail, place, { longest }) ?? [];
      if (origin) return [origin, places];
    }
    return [];
  },
  drawCard(ctx, node, card, at, paint) {
    const colour = paint.colour(node.quantity);
    ctx.save();
    ctx.shadowColor = paint.theme.scheme === "light" ? "rgba(20,30,50,.10)" : "rgba(0,0,0,.35)";
    ctx.shadowBlur = 10;
    ctx.shadowOffsetY = 2;
    ctx.fillStyle =
      paint.theme.scheme === "light" ? paint.theme.background : mix(paint.theme.background, paint.theme.text, 0.07);
    ctx.beginPath();
    ctx.roundRect(card.x, card.y, card.width, card.height, 10);
    ctx.fill();
    ctx.restore();
    ctx.strokeStyle = paint.theme.line;
    ctx.lineWidth = 1;
    ctx.stroke();
    ctx.save();
    ctx.clip();
    ctx.fillStyle = colour;
    if (at.isUpright) ctx.fillRect(card.x, card.y, 4, card.height);
    else ctx.fillRect(card.x, card.y, card.width, 4);
    ctx.restore();
    const pad = 10;
    let textX = card.x + pad;
    let textY = card.y + pad + 6;
    let textWidthLeft = card.width - 2 * pad;
    const pictures = node.thumbnails;
    for (const [panel, box] of thumbnailsOf(node, card, at, paint))
      SIMPLE_KINDS[panel.kind].drawSmall?.(ctx, panel, box, paint);
    if (at.isUpright) {
      const side = card.height - 20;
      textX += 4;
      textY = card.y + (card.height - 52) / 2 + 6;
      textWidthLeft -= pictures.length ? side + 16 : 0;
    } else if (pictures.length) {
      textY += paint.size(94) * paint.shrink + 10;
    } else {
      textY = card.y + (card.height - paint.size(textHeight(node, textWidthLeft, paint))) / 2 + 4;
    }
    write(ctx, node.symbol, textX, textY + paint.size(5), { font: nodeFont(paint), colour, width: textWidthLeft });
    const beside = fitsBeside(node, textWidthLeft, paint);
    if (beside)
      write(ctx, node.shape, textX + textWidthLeft, textY + paint.size(6), paint.muted(13, { align: "right" }));
    const label = { font: paint.font(13.5, 500), colour: paint.theme.text, width: textWidthLeft };
    const lines = wrapped(node.label, textWidthLeft, label.font).slice(0, at.isUpright ? 1 : 3);
    lines.forEach((line, i) => write(ctx, line, textX, textY + paint.size(29 + 18 * i), label));
    if (!beside && node.shape)
      write(ctx, node.shape, textX, textY + paint.size(31 + 18 * lines.length), { ...label, ...paint.muted(13) });
  },
  tensors: (panel, cell) => panel.nodes[cell].tensors ?? [],
  mark(ctx, panel, at, paint, hover) {
    panel.nodes.forEach((node, i) => {
      const lit = links.source && relation(links.source, { makes: this.tensors(panel, i), reads: [], isStep: false });
      const { x, y, width: w, height: h } = at.cards[i];
      if (lit && i !== hover) litFrame(ctx, { x, y, w, h }, lit, paint, 13);
    });
    if (hover == null) return;
    const card = at.cards[hover];
    const line = paint.colour(panel.nodes[hover].quantity);
    roundBox(ctx, [card.x - 0.5, card.y - 0.5, card.width + 1, card.height + 1], 10.5, { line, width: 2 });
  },
  hit(panel, at, x, y) {
    const index = at.cards.findIndex(
      (card) => x >= card.x && y >= card.y && x <= card.x + card.width && y <= card.y + card.height,
    );
    return index < 0 ? null : index;
  },
  anchor: (panel, at, cell) => [at.cards[cell].x + at.cards[cell].width / 2, at.cards[cell].y + at.cards[cell].height],
  describe(panel, cell) {
    const { symbol, label, shape, page, page_title } = panel.nodes[cell];
    const opens = page ? [`Opens the page “${page_title || page}”`] : [];
    return [label, ...(shape ? [`${symbol}: ${shape}`] : []), ...opens];
  },
  pick: (panel, cell) => (panel.nodes[cell].page ? { page: panel.nodes[cell].page } : null),
  chosen: () => null,
  move: (panel, at, cell, right, down) => clamp(cell + right + down, 0, panel.nodes.length - 1),
  table: (panel) => [
    ["name", "symbol", "shape", "page"],
    ...panel.nodes.map((node) => [node.label, node.symbol, node.shape, node.page ?? ""]),
  ],
  keys: () => "Arrow keys go from part to part.",
  opensPages: true,
  canPick: (panel) => panel.nodes.some((node) => node.page),
  applies() {},
};
