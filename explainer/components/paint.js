// The look: the page's colours and fonts, colour scales, and the strokes that several kinds of panel share.

/** Colours and fonts of the page around `element`: Streamlit's CSS variables, or those of a plain page. */
function readTheme(element, scheme) {
  const style = getComputedStyle(element);
  const variable = (name, otherwise) => {
    const value = style.getPropertyValue(name).trim();
    return value && value !== "unset" ? value : otherwise;
  };
  const prefersDark = scheme ? scheme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  const background = variable("--st-background-color", prefersDark ? "#0f1319" : "#ffffff");
  const text = variable("--st-text-color", prefersDark ? "#e8ecf1" : "#1d2733");
  const isDark = scheme ? scheme === "dark" : luminance(colourOf(background)) < 0.4;
  return {
    scheme: isDark ? "dark" : "light",
    background,
    text,
    primary: variable("--st-primary-color", isDark ? "#74b9ff" : "#0b5cad"),
    muted: mix(background, text, 0.64),
    faint: mix(background, text, 0.34),
    line: mix(background, text, 0.13),
    surface: mix(background, text, 0.04),
    font: variable("--st-font", "system-ui, sans-serif"),
    mono: variable("--st-code-font", "ui-monospace, monospace"),
    unit: clamp((parseFloat(variable("--st-base-font-size", "16px")) || 16) / 16, 0.85, 1.4),
  };
}

const colourProbe = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
const colourCache = new Map();

/** [red, green, blue] of any CSS colour. */
function colourOf(text) {
  if (!colourCache.has(text)) {
    colourProbe.clearRect(0, 0, 1, 1);
    colourProbe.fillStyle = text;
    colourProbe.fillRect(0, 0, 1, 1);
    colourCache.set(text, [...colourProbe.getImageData(0, 0, 1, 1).data.slice(0, 3)]);
  }
  return colourCache.get(text);
}

const luminance = ([red, green, blue]) => (0.299 * red + 0.587 * green + 0.114 * blue) / 255;

function mix(from, to, share) {
  const [a, b] = [colourOf(from), colourOf(to)];
  return `rgb(${a.map((value, i) => Math.round(value + (b[i] - value) * share)).join(",")})`;
}

function withAlpha(colour, alpha) {
  return `rgba(${colourOf(colour).join(",")},${alpha})`;
}

const tables = new Map();

/** 256 colours between the stops, straight lines in sRGB: four bytes a colour. */
function colourTable(stops) {
  const key = stops.join();
  if (!tables.has(key)) {
    const table = new Uint8ClampedArray(4 * 256);
    const colours = stops.map(colourOf);
    for (let i = 0; i < 256; i++) {
      const place = (i / 255) * (colours.length - 1);
      const left = Math.min(Math.floor(place), colours.length - 2);
      for (let c = 0; c < 3; c++) {
        table[4 * i + c] = Math.round(colours[left][c] + (colours[left + 1][c] - colours[left][c]) * (place - left));
      }
      table[4 * i + 3] = 255;
    }
    tables.set(key, table);
  }
  return tables.get(key);
}

const LIGHT_TABLE = ["#000000", "#ffffff"]; // of a spotlight: how much of the picture's light passes

/** What the drawing functions need to know of the page and the view. */
class Paint {
  constructor(theme, view, ratio) {
    this.theme = theme;
    this.view = view;
    this.ratio = ratio;
  }

  colour(quantity) {
    const colours = this.view.palette.quantities[quantity];
    return colours ? colours[this.theme.scheme] : this.theme.text;
  }

  table(quantity, scale) {
    const { quantities, diverging } = this.view.palette;
    return colourTable(
      scale.diverging ? diverging[this.theme.scheme] : quantities[quantity].sequential[this.theme.scheme],
    );
  }

  size(pixels) {
    return Math.round(pixels * this.theme.unit * 2) / 2;
  }

  font(pixels, weight = 400, family = this.theme.font) {
    return `${weight} ${this.size(pixels)}px ${family}`;
  }

  /** A length rounded down to whole device pixels. */
  snap(length) {
    return Math.floor(length * this.ratio + 1e-6) / this.ratio;
  }
}

const textProbe = document.createElement("canvas").getContext("2d");

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
const plainText = (text) =>
  runsOf(text)
    .map((run) => (run.level ? ` ${run.text}` : run.text))
    .join("");

/** The text as nodes of the page. */
const richNodes = (text) =>
  runsOf(text).map((run) => (run.level ? element(run.level < 0 ? "sub" : "sup", "", {}, run.text) : run.text));

const fontSize = (font) => Number(/([\d.]+)px/.exec(font)[1]);
const smallerFont = (font) => font.replace(/[\d.]+px/, `${(0.74 * fontSize(font)).toFixed(2)}px`);

function textWidth(text, font) {
  return runsOf(text).reduce((sum, run) => {
    textProbe.font = run.level ? smallerFont(font) : font;
    return sum + textProbe.measureText(run.text).width;
  }, 0);
}

function write(ctx, text, x, y, { font, colour, align = "left", baseline = "middle", width = Infinity }) {
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
function wrapped(text, width, font) {
  const lines = [];
  for (const word of text.split(/\s+/).filter(Boolean)) {
    const longer = lines.length ? `${lines.at(-1)} ${word}` : word;
    if (lines.length && textWidth(longer, font) <= width) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines;
}

const tableIndex = (value, { low, high, diverging }) =>
  high > low ? Math.round(clamp((value - low) / (high - low), 0, 1) * 255) : diverging ? 128 : 0;

/** A canvas with one pixel per value. `alpha(t)` makes it see-through where t, the place on the scale, is small. */
function heatImage(data, start, rows, columns, scale, table, alpha = null) {
  const canvas = document.createElement("canvas");
  canvas.width = columns;
  canvas.height = rows;
  const ctx = canvas.getContext("2d");
  const image = ctx.createImageData(columns, rows);
  const pixels = image.data;
  for (let i = 0; i < rows * columns; i++) {
    const index = tableIndex(data[start + i], scale);
    pixels[4 * i] = table[4 * index];
    pixels[4 * i + 1] = table[4 * index + 1];
    pixels[4 * i + 2] = table[4 * index + 2];
    pixels[4 * i + 3] = alpha ? 255 * alpha(scale.diverging ? Math.abs(index - 127.5) / 127.5 : index / 255) : 255;
  }
  ctx.putImageData(image, 0, 0);
  return canvas;
}

/** Values between the centres of the cells, so that a map over the picture is smooth; edges continue. */
function smoothed(data, start, size, factor) {
  const fine = size * factor;
  const result = new Float32Array(fine * fine);
  const place = (i) => clamp((i + 0.5) / factor - 0.5, 0, size - 1);
  for (let y = 0; y < fine; y++) {
    const row = place(y);
    const top = Math.min(Math.floor(row), Math.max(0, size - 2));
    const down = row - top;
    const below = Math.min(top + 1, size - 1);
    for (let x = 0; x < fine; x++) {
      const column = place(x);
      const left = Math.min(Math.floor(column), Math.max(0, size - 2));
      const right = Math.min(left + 1, size - 1);
      const along = column - left;
      const upper = data[start + top * size + left] * (1 - along) + data[start + top * size + right] * along;
      const lower = data[start + below * size + left] * (1 - along) + data[start + below * size + right] * along;
      result[y * fine + x] = upper * (1 - down) + lower * down;
    }
  }
  return result;
}

/** A canvas of raw RGB pixels; `grey` 0..1 takes colour out and moves it towards `towards`. */
function pixelImage({ shape: [height, width], data }, start = 0, dim = 0, towards = [0, 0, 0]) {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  const ctx = canvas.getContext("2d");
  const image = ctx.createImageData(width, height);
  for (let i = 0; i < width * height; i++) {
    const rgb = [data[start + 3 * i], data[start + 3 * i + 1], data[start + 3 * i + 2]];
    const grey = 255 * luminance(rgb);
    for (let c = 0; c < 3; c++) {
      const drained = dim ? grey * 0.85 + rgb[c] * 0.15 : rgb[c];
      image.data[4 * i + c] = drained + (towards[c] - drained) * dim;
    }
    image.data[4 * i + 3] = 255;
  }
  ctx.putImageData(image, 0, 0);
  return canvas;
}

/**
 * Draw a small canvas, or `rows` of it from `top` on, large: crisp cells when they are larger than a device pixel,
 * averaged when smaller.
 */
function stretch(ctx, image, x, y, width, height, paint, smooth = false, top = 0, rows = image.height) {
  const cell = Math.min((width * paint.ratio) / image.width, (height * paint.ratio) / rows);
  ctx.imageSmoothingEnabled = smooth || cell < 1;
  ctx.imageSmoothingQuality = "high";
  ctx.drawImage(image, 0, top, image.width, rows, x, y, width, height);
}

/** A frame visible on any picture: dark outside, the colour, white inside. */
function outline(ctx, x, y, width, height, colour, { strength = 1, radius = 0 } = {}) {
  const ring = (offset, thickness, style) => {
    ctx.lineWidth = thickness;
    ctx.strokeStyle = style;
    ctx.beginPath();
    ctx.roundRect(x - offset, y - offset, width + 2 * offset, height + 2 * offset, radius + Math.max(0, offset));
    ctx.stroke();
  };
  ctx.save();
  ring(2.75 * strength, 1.5, "rgba(0,0,0,.8)");
  ring(1 * strength, 2.5 * strength, colour);
  if (width > 8 && height > 8) ring(-0.75 * strength, 1.25, "rgba(255,255,255,.95)");
  ctx.restore();
}

/** The frame of what has to do with what the reader points at elsewhere. */
function litFrame(ctx, { x, y, w, h }, lit, paint, radius = 5) {
  ctx.save();
  ctx.strokeStyle = paint.theme.primary;
  ctx.lineWidth = 2.5;
  ctx.setLineDash(lit === "read" ? [6, 4] : []);
  ctx.beginPath();
  ctx.roundRect(x - 4, y - 4, w + 8, h + 8, radius);
  ctx.stroke();
  ctx.restore();
}

/** The frame of what the pointer is on. */
function hoverFrame(ctx, x, y, width, height, radius = 0) {
  ctx.save();
  for (const [thickness, style] of [
    [3, "rgba(0,0,0,.65)"],
    [1.25, "rgba(255,255,255,.98)"],
  ]) {
    ctx.lineWidth = thickness;
    ctx.strokeStyle = style;
    ctx.beginPath();
    ctx.roundRect(x, y, width, height, radius);
    ctx.stroke();
  }
  ctx.restore();
}

/** The frame of a part that has been changed: white and black dashes, to be seen on any picture. */
function dashedFrame(ctx, x, y, width, height) {
  ctx.save();
  ctx.lineWidth = width > 12 ? 1.5 : 1;
  for (const [offset, style] of [
    [0, "rgba(0,0,0,.85)"],
    [3, "rgba(255,255,255,.98)"],
  ]) {
    ctx.setLineDash([3, 3]);
    ctx.lineDashOffset = offset;
    ctx.strokeStyle = style;
    ctx.strokeRect(x + 1, y + 1, width - 2, height - 2);
  }
  ctx.restore();
}

const LEGEND_HEIGHT = 30;
const NOTE_LINE = 20;
const LONG_ENDS = "≤ −0.0246≥ 0.0246"; // the two ends of a scale at their longest

/** Whether any value lies outside the scale, so that its ends mean "at least" and "at most". */
function exceeds(data, { low, high }) {
  const slack = 1e-4 * Math.abs(high - low);
  let [below, above] = [false, false];
  for (const value of data) {
    if (value < low - slack) below = true;
    if (value > high + slack) above = true;
    if (below && above) break;
  }
  return [below, above];
}

/** A bar of the scale's colours between its two values, and what there is to say about it. */
function drawLegend(ctx, x, y, width, { scale, table, outside = [false, false], note = "" }, paint) {
  const font = paint.font(13);
  const colour = paint.theme.muted;
  const middle = y + 17;
  const low = (outside[0] ? "≤ " : "") + shortText(scale.low, 3);
  const high = (outside[1] ? "≥ " : "") + shortText(scale.high, 3);
  const lowWidth = textWidth(low, font);
  const highWidth = textWidth(high, font);
  const bar = clamp(width - lowWidth - highWidth - 16, 24, 132);
  write(ctx, low, x, middle, { font, colour });
  const start = x + lowWidth + 7;
  const gradient = ctx.createLinearGradient(start, 0, start + bar, 0);
  for (let i = 0; i <= 16; i++) {
    const index = 4 * Math.round((i / 16) * 255);
    gradient.addColorStop(i / 16, `rgb(${table[index]},${table[index + 1]},${table[index + 2]})`);
  }
  ctx.fillStyle = gradient;
  ctx.strokeStyle = paint.theme.line;
  ctx.lineWidth = 1;
  ctx.beginPath();
  ctx.roundRect(start, middle - 4.5, bar, 9, 3);
  ctx.fill();
  ctx.stroke();
  if (scale.diverging) {
    ctx.fillStyle = paint.theme.muted;
    ctx.fillRect(paint.snap(start + bar / 2), middle - 6.5, 1, 13);
  }
  write(ctx, high, start + bar + 7, middle, { font, colour });
  const used = lowWidth + bar + highWidth + 14;
  if (note && width - used > 60) write(ctx, note, x + used + 14, middle, { font, colour, width: width - used - 14 });
  return used;
}

/** The legend's height, the same for all values: one line if the note fits beside the longest numbers, else more. */
function legendHeight(scale, note, width, paint) {
  const font = paint.font(13);
  if (!scale) return note ? 6 + NOTE_LINE * wrapped(note, width, font).length : 0;
  const ends = textWidth(LONG_ENDS, font) + 36;
  const bar = clamp(width - ends, 24, 132);
  return note && ends + bar + textWidth(note, font) > width
    ? LEGEND_HEIGHT + NOTE_LINE * wrapped(note, width, font).length
    : LEGEND_HEIGHT;
}

function drawLegendBlock(ctx, x, y, width, height, legend, paint) {
  const below = height > LEGEND_HEIGHT;
  drawLegend(ctx, x, y, width, { ...legend, note: below ? "" : legend.note }, paint);
  if (below) drawNote(ctx, legend.note, x, y + LEGEND_HEIGHT + 7, width, paint);
}

function drawNote(ctx, text, x, y, width, paint) {
  const style = { font: paint.font(13), colour: paint.theme.muted };
  wrapped(text, width, style.font).forEach((line, i) => write(ctx, line, x, y + NOTE_LINE * i, style));
}

/** White or black, whichever reads better on the colour. */
const inkOn = (rgb) => (luminance(rgb) > 0.55 ? "rgba(0,0,0,.85)" : "rgba(255,255,255,.95)");
