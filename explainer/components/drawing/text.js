// Words on a canvas and on the page, with lowered and raised letters.

import { element, newContext } from "./element.js";

const textProbe = newContext(1, 1);

// Words with lowered or raised letters are marked as in LaTeX: x_{class}, U_{msa}. All other text is what it is.
const RUNS = /([_^])\{([^{}]*)\}/;

/** The parts of a text: on the line (0), below it (-1) or above it (1). */
function runsOf(text) {
  const pieces = String(text).split(RUNS);
  const runs = [{ text: pieces[0], level: 0 }];
  for (let i = 1; i < pieces.length; i += 3)
    runs.push({ text: pieces[i + 1], level: pieces[i] === "_" ? -1 : 1 }, { text: pieces[i + 2], level: 0 });
  return runs.filter((run) => run.text);
}

/** The text without marks, to be read aloud and for files: "x class". */
export const plainText = (text) =>
  runsOf(text)
    .map((run) => (run.level ? ` ${run.text}` : run.text))
    .join("");

/** The text as nodes of the page. */
export const richNodes = (text) =>
  runsOf(text).map((run) => (run.level ? element(run.level < 0 ? "sub" : "sup", "", {}, run.text) : run.text));

const fontSize = (font) => parseFloat(font.slice(font.search(/[\d.]+px/)));
const smallerFont = (font) => font.replace(/[\d.]+px/, `${(0.74 * fontSize(font)).toFixed(2)}px`);

export function textWidth(text, font) {
  return runsOf(text).reduce((sum, run) => {
    textProbe.font = run.level ? smallerFont(font) : font;
    return sum + textProbe.measureText(run.text).width;
  }, 0);
}

export function write(ctx, text, x, y, { font, colour, align = "left", baseline = "middle", width = Infinity }) {
  ctx.font = font;
  ctx.fillStyle = colour;
  ctx.textAlign = align;
  ctx.textBaseline = baseline;
  if (!RUNS.test(text) || textWidth(text, font) > width) {
    const plain = plainText(text);
    ctx.fillText(Number.isFinite(width) ? shortened(ctx, plain, width) : plain, x, y);
    return;
  }
  ctx.textAlign = "left";
  let left = x - textWidth(text, font) * { left: 0, center: 0.5, right: 1 }[align];
  for (const run of runsOf(text)) {
    ctx.font = run.level ? smallerFont(font) : font;
    ctx.fillText(run.text, left, y + fontSize(font) * { 0: 0, "-1": 0.26, 1: -0.28 }[run.level]);
    left += ctx.measureText(run.text).width;
  }
}

function shortened(ctx, text, width) {
  if (ctx.measureText(text).width <= width) return text;
  let end = text.length;
  while (end > 1 && ctx.measureText(`${text.slice(0, end)}…`).width > width) end--;
  return `${text.slice(0, end)}…`;
}

/** The lines of a text that is at most `width` wide. */
export function wrapped(text, width, font) {
  const lines = [];
  for (const word of text.split(/\s+/).filter(Boolean)) {
    const longer = lines.length ? `${lines.at(-1)} ${word}` : word;
    if (lines.length && textWidth(longer, font) <= width) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines;
}
