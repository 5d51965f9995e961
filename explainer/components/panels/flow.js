// The pipeline as cards joined by arrows, with small pictures of the real tensors.

import { links, relation } from "../core/links.js";
import { clamp } from "../core/numbers.js";
import { mix } from "../core/paint.js";
import { arrow, litFrame } from "../core/strokes.js";
import { textWidth, wrapped, write } from "../core/text.js";
import { SIMPLE_KINDS } from "./simple.js";

export const FLOW = {
  layout(panel, width, paint) {
    return width < 480 ? this.upright(panel, width, paint) : this.across(panel, width, paint);
  },
  /** One card under the other, for a phone. */
  upright(panel, width, paint) {
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
    return { isUpright: true, cards, width, height: y - 14, frames: this.frames(panel, cards) };
  },
  across(panel, width, paint) {
    const [gap, inset, smallest] = [24, 26, paint.size(104)];
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
    const text = Math.max(...panel.nodes.map((node) => this.textHeight(node, cardWidth - 20, paint)));
    const cardHeight = 30 + paint.size(text) + (hasPictures ? paint.size(100) : 0);
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
      y += cardHeight + (hasGroup ? 14 : 0) + 44;
    });
    return {
      isUpright: false,
      cards,
      width,
      gap,
      inset,
      height: y - 32,
      frames: this.frames(panel, cards, hasPictures),
    };
  },
  /** The symbol, one to three lines of name, and the shape, beside the symbol if there is room. */
  textHeight(node, width, paint) {
    const lines = Math.min(3, wrapped(node.label, width, paint.font(13.5, 500)).length);
    return 20 + 18 * lines + (this.fitsBeside(node, width, paint) ? 0 : 19);
  },
  symbolFont: (paint) => `600 ${paint.size(19)}px ui-serif, Georgia, "Times New Roman", serif`,
  fitsBeside(node, width, paint) {
    const shape = textWidth(node.shape, paint.font(13));
    return textWidth(node.symbol, this.symbolFont(paint)) + shape + 10 <= width;
  },
  /** The frame of each group, one per line it runs over. */
  frames(panel, cards) {
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
  },
  draw(ctx, panel, at, paint) {
    for (const frame of at.frames) {
      const [x, y] = [frame.left - 10, frame.top - 27];
      ctx.fillStyle = paint.theme.surface;
      ctx.strokeStyle = paint.theme.faint;
      ctx.lineWidth = 1.25;
      ctx.setLineDash([4, 4]);
      ctx.beginPath();
      ctx.roundRect(
        x,
        y,
        frame.right - frame.left + 20 + (at.isUpright && panel.skips.length ? 18 : 0),
        frame.bottom - frame.top + 38,
        12,
      );
      ctx.fill();
      ctx.stroke();
      ctx.setLineDash([]);
      write(ctx, frame.group, x + 12, y + 14, {
        font: paint.font(13.5, 600),
        colour: paint.theme.muted,
        width: frame.right - frame.left,
      });
    }
    this.drawArrows(ctx, panel, at, paint);
    at.small = panel.nodes.map((node, i) => this.thumbnails(node, at.cards[i], at, paint));
    panel.nodes.forEach((node, i) => this.drawCard(ctx, node, at.cards[i], at, paint));
  },
  /** The sign of Eq. 1 where a card is not made of the one before it but comes in beside it. */
  drawSign(ctx, sign, x, y, paint) {
    ctx.fillStyle = paint.theme.background;
    ctx.strokeStyle = paint.theme.muted;
    ctx.lineWidth = 1.5;
    ctx.beginPath();
    ctx.arc(x, y, 10, 0, 2 * Math.PI);
    ctx.fill();
    ctx.stroke();
    write(ctx, sign, x, y + (sign === ";" ? -1 : 0.5), {
      font: paint.font(15, 600),
      colour: paint.theme.text,
      align: "center",
    });
  },
  drawArrows(ctx, panel, at, paint) {
    const colour = paint.theme.faint;
    for (let i = 1; i < at.cards.length; i++) {
      const [from, to] = [at.cards[i - 1], at.cards[i]];
      const { joins } = panel.nodes[i];
      if (joins) {
        const place = at.isUpright
          ? [from.x + from.width * 0.84, (from.y + from.height + to.y) / 2]
          : [to.x - at.gap / 2, to.y + to.height / 2];
        this.drawSign(ctx, joins, ...place, paint);
        continue;
      }
      if (at.isUpright)
        arrow(
          ctx,
          [
            [from.x + from.width * 0.84, from.y + from.height + 3],
            [to.x + to.width * 0.84, to.y - 4],
          ],
          colour,
        );
      else if (from.line === to.line) {
        const y = from.y + from.height / 2;
        arrow(
          ctx,
          [
            [from.x + from.width + 4, y],
            [to.x - 5, y],
          ],
          colour,
        );
      } else {
        const start = [from.x + from.width + 2, from.y + from.height / 2];
        const between = from.y + from.height + (panel.nodes[i - 1].group ? 28 : 18);
        const left = 5;
        arrow(
          ctx,
          [
            start,
            [start[0] + 14, start[1]],
            [start[0] + 14, between],
            [left, between],
            [left, to.y + to.height / 2],
            [to.x - 5, to.y + to.height / 2],
          ],
          colour,
        );
      }
    }
    for (const [fromName, toName] of panel.skips) {
      const [a, b] = [fromName, toName].map((name) => panel.nodes.findIndex((node) => node.name === name));
      if (a < 0 || b < 0) continue;
      const [from, to] = [at.cards[a], at.cards[b]];
      const ink = paint.colour(panel.nodes[a].quantity);
      if (at.isUpright) {
        const x = from.x + from.width;
        arrow(
          ctx,
          [
            [x + 2, from.y + from.height * 0.6],
            [x + 17, from.y + from.height * 0.6],
            [x + 17, to.y + to.height * 0.4],
            [x + 5, to.y + to.height * 0.4],
          ],
          ink,
        );
      } else if (from.line === to.line) {
        const y = from.y - 18;
        arrow(
          ctx,
          [
            [from.x + from.width * 0.62, from.y - 2],
            [from.x + from.width * 0.62, y],
            [to.x + to.width * 0.38, y],
            [to.x + to.width * 0.38, to.y - 5],
          ],
          ink,
        );
      } else {
        const between = from.y + from.height + 9;
        arrow(
          ctx,
          [
            [from.x + from.width / 2, from.y + from.height + 2],
            [from.x + from.width / 2, between],
            [to.x + to.width / 2, between],
            [to.x + to.width / 2, to.y - 5],
          ],
          ink,
        );
      }
    }
  },
  /** Where the small pictures of a card lie. */
  thumbnails(node, card, at, paint) {
    const count = node.thumbnails.length;
    if (at.isUpright) {
      const side = card.height - 20;
      return node.thumbnails.slice(0, 1).map((panel) => [panel, [card.x + card.width - side - 12, card.y + 10, side, side]]);
    }
    const each = (card.width - 20 - 8 * (count - 1)) / count;
    return node.thumbnails.map((panel, i) => [panel, [card.x + 10 + i * (each + 8), card.y + 14, each, paint.size(94)]]);
  },
  /** The number of a small picture under the pointer; by keys that in the first one's corner. */
  origin(panel, cell, at, pointer) {
    const small = at.small?.[cell] ?? [];
    for (const [thumbnail, box] of small) {
      const kind = SIMPLE_KINDS[thumbnail.kind];
      const place = pointer?.x == null ? (kind.firstSmallCell ?? 0) : kind.smallCell?.(thumbnail, box, pointer);
      if (place == null) continue;
      const [origin, places] = kind.origin?.(thumbnail, place, { longest: thumbnail.strips?.[0].values.shape[0] }) ?? [];
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
    for (const [panel, box] of this.thumbnails(node, card, at, paint))
      SIMPLE_KINDS[panel.kind].drawSmall?.(ctx, panel, box, paint);
    if (at.isUpright) {
      const side = card.height - 20;
      textX += 4;
      textY = card.y + (card.height - 52) / 2 + 6;
      textWidthLeft -= pictures.length ? side + 16 : 0;
    } else if (pictures.length) {
      textY += paint.size(94) + 10;
    } else {
      textY = card.y + (card.height - paint.size(this.textHeight(node, textWidthLeft, paint))) / 2 + 4;
    }
    write(ctx, node.symbol, textX, textY + paint.size(5), {
      font: this.symbolFont(paint),
      colour,
      width: textWidthLeft,
    });
    const shapeFont = paint.font(13);
    const beside = this.fitsBeside(node, textWidthLeft, paint);
    if (beside)
      write(ctx, node.shape, textX + textWidthLeft, textY + paint.size(6), {
        font: shapeFont,
        colour: paint.theme.muted,
        align: "right",
      });
    const lines = wrapped(node.label, textWidthLeft, paint.font(13.5, 500)).slice(0, at.isUpright ? 1 : 3);
    lines.forEach((line, i) =>
      write(ctx, line, textX, textY + paint.size(29 + 18 * i), {
        font: paint.font(13.5, 500),
        colour: paint.theme.text,
        width: textWidthLeft,
      }),
    );
    if (!beside && node.shape)
      write(ctx, node.shape, textX, textY + paint.size(31 + 18 * lines.length), {
        font: shapeFont,
        colour: paint.theme.muted,
        width: textWidthLeft,
      });
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
    ctx.strokeStyle = paint.colour(panel.nodes[hover].quantity);
    ctx.lineWidth = 2;
    ctx.beginPath();
    ctx.roundRect(card.x - 0.5, card.y - 0.5, card.width + 1, card.height + 1, 10.5);
    ctx.stroke();
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
