// Bytes to a view (the inverse of explainer/packing.py), and numbers to text.
//
// The files of this folder are one ES module: explainer/components/__init__.py joins them in a fixed order, so each may
// use what an earlier one defines. No framework, no build step, nothing fetched from elsewhere.

const MAGIC = [0x56, 0x49, 0x54, 0x53]; // "VITS"
const VERSION = 1;
const STEPS = 255;

/** The header and the raw buffers of packed bytes; `missing` lists the digests of the pictures kept elsewhere. */
function readHeader(bytes) {
  if (MAGIC.some((byte, i) => bytes[i] !== byte) || bytes[4] !== VERSION) {
    throw new Error("This page and its server are of different versions: load the page again.");
  }
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(5, true);
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(9, 9 + length)));
  const missing = new Set();
  const walk = (value) => {
    if (!value || typeof value !== "object") return;
    if (typeof value.digest === "string" && value.type) missing.add(value.digest);
    else Object.values(value).forEach(walk);
  };
  walk(header.view);
  // Typed arrays need addresses that are multiples of 4; a message from a socket may start anywhere.
  const buffers = bytes.slice(9 + length).buffer;
  return { header, buffers, missing: [...missing] };
}

/** The view with its arrays in place: `kept` maps digests to the bytes fetched for them. Without buffers all are 0. */
function readView({ header, buffers }, kept) {
  const revive = (value) => {
    if (Array.isArray(value)) return value.map(revive);
    if (!value || typeof value !== "object") return value;
    if (value.type && value.shape) return readArray(value, buffers, kept);
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, revive(item)]));
  };
  return { ...revive(header.view), palette: header.palette };
}

/**
 * {shape, data, uncertainty(i)}: what was sent in 255 steps is known to half a step of its row or map; `isRounded` says
 * that it was, and `name` by what name its own values are to be had, if they are.
 */
function readArray(place, buffers, kept) {
  const { type, shape, at, digest, ranges, exact: name } = place;
  if (type === "roots") return buffers ? new Roots(place, buffers, kept) : new NoRoots(place);
  const count = shape.reduce((product, size) => product * size, 1);
  const exact = () => 0;
  if (!buffers) return { shape, data: type === "uint8" ? new Uint8Array(count) : new Float32Array(count), uncertainty: exact };
  if (digest) return { shape, data: kept.get(digest).subarray(0, count), uncertainty: exact };
  if (type === "uint8") return { shape, data: new Uint8Array(buffers, at, count), uncertainty: exact };
  if (type === "float32") return { shape, data: new Float32Array(buffers, at, count), uncertainty: exact };
  const blocks = shape.length > 1 ? shape[0] : 1;
  const size = count / blocks;
  const codes = new Uint8Array(buffers, at, count);
  const lowHigh = new Float32Array(buffers, ranges, 2 * blocks);
  const data = new Float32Array(count);
  for (let block = 0; block < blocks; block++) {
    const low = lowHigh[2 * block];
    const step = (lowHigh[2 * block + 1] - low) / STEPS;
    for (let i = block * size; i < (block + 1) * size; i++) data[i] = low + codes[i] * step;
  }
  const uncertainty = (i) => {
    const block = Math.floor(i / size);
    return (lowHigh[2 * block + 1] - lowHigh[2 * block]) / STEPS / 2;
  };
  return { shape, data, uncertainty, isRounded: true, name };
}

/**
 * A copy of a panel whose arrays hold the model's own values, as far as `load(name, token)` brings them here;
 * `token` is the one whose attention is shown.
 */
function exactPanel(panel, load, token) {
  const exact = async (value) => {
    if (Array.isArray(value)) return Promise.all(value.map(exact));
    if (value instanceof Roots) return value.name && load ? new ExactToken(value, token, await load(value.name, token)) : value;
    if (!value || Object.getPrototypeOf(value) !== Object.prototype) return value;
    if (value.isRounded && value.name && load) {
      const raw = await load(value.name);
      return { shape: value.shape, data: new Float32Array(raw.slice().buffer), uncertainty: () => 0 };
    }
    if (value.data && value.shape) return value;
    const fields = Object.entries(value).map(async ([name, field]) => [name, await exact(field)]);
    return Object.fromEntries(await Promise.all(fields));
  };
  return exact(panel);
}

/** Whether a panel shows a number that was rounded to travel. */
function hasRounded(value) {
  if (Array.isArray(value)) return value.some(hasRounded);
  if (value instanceof Roots) return !(value instanceof ExactToken);
  if (!value || Object.getPrototypeOf(value) !== Object.prototype) return false;
  return Boolean(value.isRounded) || (!value.data && Object.values(value).some(hasRounded));
}

const minus = (text) => text.replace("-", "−");

/**
 * A value to the precision it has: four digits, or as many as its uncertainty leaves, with how far it may be off: by
 * its uncertainty, and by what is left out behind its last digit.
 */
function valueText(value, uncertainty = 0) {
  if (!uncertainty) return shortText(value);
  const decimals = Math.ceil(-Math.log10(uncertainty));
  const last = 10 ** -decimals;
  const off = Math.ceil(uncertainty / last + 0.5 - 1e-9) * last;
  if (decimals > 7) {
    const digits = clamp(Math.floor(Math.log10(Math.abs(value) || last)) + decimals, 0, 7);
    return `${minus(value.toExponential(digits))} ± ${minus(off.toExponential(off < 10 * last ? 0 : 1))}`;
  }
  const places = Math.max(0, decimals);
  return `${minus(unsigned(value.toFixed(places)))} ± ${off.toFixed(places)}`;
}

/** A value with no digit but those that are sure to one of the last. */
function sureText(value, uncertainty) {
  if (!(uncertainty > 0)) return shortText(value, 3);
  const decimals = sureDecimals(uncertainty);
  if (Math.abs(value) + uncertainty < 10 ** -decimals) return `< ${boundText(Math.abs(value) + uncertainty, 1)}`;
  return decimals > 7 ? minus(value.toExponential(Math.max(0, Math.floor(Math.log10(value)) + decimals))) : minus(value.toFixed(Math.max(0, decimals)));
}

/** So many decimals that half of the last one is more than the uncertainty: rounded to them, it is off by one at most. */
const sureDecimals = (uncertainty) => Math.floor(-Math.log10(2 * uncertainty));

/** A positive number rounded up to some digits, so that what is below it is below what is written. */
function boundText(value, digits) {
  if (!(value > 0)) return "0";
  const last = 10 ** (Math.floor(Math.log10(value)) - digits + 1);
  return shortText(Math.ceil(value / last - 1e-6) * last, digits);
}

/** "0.00" instead of "-0.00", "0.0 %" instead of "-0.0 %": what rounds to nothing has no sign. */
const unsigned = (text) => text.replace(/^-(?=[0.]*(?:e| %|$))/, "");

/** About four significant digits, for tooltips and labels. */
function shortText(value, digits = 4) {
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size < 1e-4 || size >= 1e7) return minus(value.toExponential(digits - 1));
  if (Number.isInteger(value)) return minus(size >= 1e4 ? value.toLocaleString("en") : String(value));
  return minus(String(Number(value.toPrecision(digits))));
}

/** The part of the format mini-language that Python and d3 share: [,][.digits][f g e d %]. */
function formatText(value, spec) {
  const [, comma, digits, type] = /^(,?)(?:\.(\d+))?([fged%]?)$/.exec(spec) ?? [, "", "3", "g"];
  const places = Number(digits ?? (type === "d" ? 0 : 6));
  let text;
  if (type === "%") text = percentText(value, places);
  else if (type === "e") text = value === 0 ? "0" : value.toExponential(places);
  else if (type === "f") text = value.toFixed(places);
  else if (type === "d") text = String(Math.round(value));
  else text = generalText(value, Math.max(1, places));
  if (comma) text = text.replace(/^-?\d+/, (whole) => Number(whole).toLocaleString("en"));
  return minus(unsigned(text));
}

/** A difference with its sign, of shares in percentage points; "0" if there is none, "≈ 0" if it rounds to nothing. */
function shiftText(value, spec) {
  const isShare = spec.endsWith("%");
  const size = Math.abs(value);
  const text = isShare ? (100 * size).toFixed(Number(/\.(\d+)/.exec(spec)?.[1] ?? 6)) : formatText(size, spec);
  if (!/[1-9]/.test(text)) return size ? "≈ 0" : "0";
  return (value > 0 ? "+" : "−") + text;
}

/** A share in per cent; what is neither nothing nor everything is never rounded to it. */
function percentText(value, places) {
  const text = (100 * value).toFixed(places);
  const least = (10 ** -places).toFixed(places);
  if (value < 1 && Number(text) === 100) return `> ${(100 - Number(least)).toFixed(places)} %`;
  return value > 0 && Number(text) === 0 ? `< ${least} %` : `${text} %`;
}

function generalText(value, digits) {
  if (value === 0) return "0";
  const [mantissa, exponent] = value.toExponential(digits - 1).split("e");
  const strip = (text) => (text.includes(".") ? text.replace(/\.?0+$/, "") : text);
  if (exponent < -4 || exponent >= digits) return `${strip(mantissa)}e${minus(exponent)}`;
  return strip(Number(value.toPrecision(digits)).toFixed(Math.max(0, digits - 1 - exponent)));
}

/** The shortest text that reads back as the same float32, for files; of what was rounded the digits that are sure. */
function exactText(value, uncertainty = 0) {
  if (uncertainty) {
    const decimals = sureDecimals(uncertainty);
    if (decimals >= 0 && decimals < 20) return unsigned(value.toFixed(decimals));
    return unsigned(value.toExponential(clamp(Math.floor(Math.log10(Math.abs(value) || 1)) + decimals, 0, 20)));
  }
  for (let digits = 1; digits < 9; digits++) {
    const text = Number(value.toPrecision(digits));
    if (Math.fround(text) === Math.fround(value)) return String(text);
  }
  return String(value);
}

/** Round numbers that divide low..high into about `count` parts. */
function niceTicks(low, high, count) {
  if (!(high > low)) return [low];
  const rough = (high - low) / Math.max(1, count);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5, 10].find((factor) => factor * power >= rough * 0.999) ?? 10);
  const ticks = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i++)
    ticks.push(Number((i * step).toPrecision(12)));
  return ticks;
}

const clamp = (value, low, high) => Math.min(high, Math.max(low, value));

/** What an axis calls its i-th place: tokens have names, everything else an index. */
function placeText(axis, index, count) {
  if (!/\btokens?\b/i.test(axis)) return `${axis.replace(/\s*\d+…\d+.*$/, "")} ${index}`; // without its range
  const role = /\((.*)\)/.exec(axis)?.[1];
  return tokenText(index, Math.sqrt(count - 1)) + (role ? ` · ${role}` : "");
}

/** "class token", or the number of a token with the place of its patch on the grid (rows and columns from 1). */
function tokenText(token, gridSize) {
  if (token === 0) return "class token";
  if (!Number.isInteger(gridSize) || gridSize < 1) return `token ${token}`;
  const row = Math.floor((token - 1) / gridSize);
  return `token ${token} · patch row ${row + 1}, column ${token - row * gridSize}`;
}
