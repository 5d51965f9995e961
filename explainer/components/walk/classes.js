// The classes at the end of the walk: a thin bar for each, then the five most probable ones.

import { clamp, surePercent, sureText } from "../drawing/numbers.js";
import { textWidth, write } from "../drawing/text.js";
import { symbolFont } from "./sprites.js";

const leading = (data, count) =>
  Array.from(data.keys())
    .sort((a, b) => data[b] - data[a])
    .slice(0, count);

/** A thin bar for each class, in the order of the classes; the leading ones have their names. */
export function spectrum(stage, name) {
  const { panel } = stage;
  const slice = stage.slice(name);
  const { data } = slice.values;
  const best = leading(data, 5);
  const isShare = name === "probabilities";
  return {
    id: "classes",
    look: name,
    ...stage.box("classes"),
    slice,
    isBars: true,
    draw(ctx, at, paint) {
      const [low, high] = isShare ? [0, Math.max(...data)] : [Math.min(0, ...data), Math.max(0, ...data)];
      const y = (value) => at.y + 24 + ((high - value) / (high - low || 1)) * (at.h - 24);
      const each = at.w / data.length;
      ctx.fillStyle = paint.theme.faint;
      for (let i = 0; i < data.length; i++) {
        const top = Math.min(y(data[i]), y(0));
        ctx.fillRect(at.x + i * each, top, Math.max(each * 0.8, 0.75), Math.max(0.75, Math.abs(y(data[i]) - y(0))));
      }
      ctx.fillRect(at.x, y(0) - 0.5, at.w, 1);
      // Names stand above their bars where they have room; the best first.
      const taken = [];
      for (const [rank, i] of best.entries()) {
        const x = at.x + (i + 0.5) * each;
        ctx.fillStyle = rank ? paint.theme.muted : paint.colour("y");
        const top = Math.min(y(data[i]), y(0));
        ctx.fillRect(x - Math.max(each, 3) / 2, top, Math.max(each, 3), Math.max(1, Math.abs(y(data[i]) - y(0))));
        const text = `${panel.labels[i]} ${(isShare ? surePercent : sureText)(data[i], slice.values.uncertainty(i))}`;
        const font = rank ? paint.font(12.5) : paint.font(14.5, 650);
        const width = textWidth(text, font);
        const left = clamp(x - width / 2, at.x, at.x + at.w - width);
        const box = [left - 6, top - 22, left + width + 6, top - 2];
        const meets = (other) => box[0] < other[2] && other[0] < box[2] && box[1] < other[3] && other[1] < box[3];
        if (taken.some(meets)) continue;
        taken.push(box);
        write(ctx, text, left, top - 11, { font, colour: rank ? paint.theme.muted : paint.theme.text });
      }
      const symbol = isShare ? "p" : "o";
      write(ctx, symbol, at.x, at.y + 4, { font: symbolFont(paint), colour: paint.colour("y") });
      const order = `${data.length.toLocaleString("en")} classes, in their order`;
      write(ctx, order, at.x, at.y + at.h + paint.size(14), paint.muted(12));
    },
  };
}

/** The five most probable classes as bars, the first one large. */
export function answers(stage) {
  const { panel } = stage;
  const slice = stage.slice("probabilities");
  const { data } = slice.values;
  const best = leading(data, 5);
  return {
    id: "classes",
    look: "answers",
    ...stage.box("answers"),
    slice,
    isAnswers: true,
    draw(ctx, at, paint) {
      const first = at.h * 0.34;
      const each = (at.h - first) / Math.max(1, best.length - 1);
      best.forEach((i, rank) => {
        const [top, tall] = rank ? [at.y + first + (rank - 1) * each, each] : [at.y, first];
        const thick = Math.min(tall * 0.26, 12);
        write(ctx, panel.labels[i], at.x, top + tall * 0.38, {
          font: rank ? paint.font(15) : paint.font(at.w < 380 ? 23 : 30, 680),
          colour: rank ? paint.theme.muted : paint.theme.text,
          width: at.w - paint.size(rank ? 70 : 110),
        });
        write(ctx, surePercent(data[i], slice.values.uncertainty(i)), at.x + at.w, top + tall * 0.38, {
          font: rank ? paint.font(15) : paint.font(at.w < 380 ? 20 : 26, 600),
          colour: rank ? paint.theme.muted : paint.theme.text,
          align: "right",
        });
        const y = top + tall * 0.38 + (rank ? paint.size(14) : paint.size(24));
        ctx.fillStyle = paint.theme.line;
        ctx.fillRect(at.x, y, at.w, thick * 0.5);
        ctx.fillStyle = rank ? paint.theme.faint : paint.colour("y");
        ctx.fillRect(at.x, y, at.w * data[i], thick * 0.5);
      });
    },
  };
}
