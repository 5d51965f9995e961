// Numbers to text, with no digit but those that are known.

const minus = (text) => text.replace("-", "−");

/**
 * A value to the precision it has: four digits, or as many as its uncertainty leaves, with how far it may be off: by
 * its uncertainty, and by what is left out behind its last digit.
 */
export function valueText(value, uncertainty = 0) {
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
export function sureText(value, uncertainty) {
  if (!(uncertainty > 0)) return shortText(value, 3);
  const decimals = sureDecimals(uncertainty);
  if (Math.abs(value) + uncertainty < 10 ** -decimals) return `< ${boundText(Math.abs(value) + uncertainty, 1)}`;
  if (decimals <= 7) return minus(value.toFixed(Math.max(0, decimals)));
  return minus(value.toExponential(Math.max(0, Math.floor(Math.log10(value)) + decimals)));
}

/** A share in per cent: one decimal, or as many as are sure. */
export const surePercent = (share, uncertainty) =>
  uncertainty > 0 ? `${sureText(100 * share, 100 * uncertainty)} %` : percentText(share, 1);

/** So many decimals that half of the last one exceeds the uncertainty: rounded to them, it is off by one at most. */
const sureDecimals = (uncertainty) => Math.floor(-Math.log10(2 * uncertainty));

/** A positive number rounded up to some digits, so that what is below it is below what is written. */
export function boundText(value, digits) {
  if (!(value > 0)) return "0";
  const last = 10 ** (Math.floor(Math.log10(value)) - digits + 1);
  return shortText(Math.ceil(value / last - 1e-6) * last, digits);
}

/** "0.00" instead of "-0.00", "0.0 %" instead of "-0.0 %": what rounds to nothing has no sign. */
const unsigned = (text) => text.replace(/^-(?=[0.]*(?:e| %|$))/, "");

/** About four significant digits, for tooltips and labels. */
export function shortText(value, digits = 4) {
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size < 1e-4 || size >= 1e7) return minus(value.toExponential(digits - 1));
  if (Number.isInteger(value)) return minus(size >= 1e4 ? value.toLocaleString("en") : String(value));
  return minus(String(Number(value.toPrecision(digits))));
}

/** The part of the format mini-language that Python and d3 share: [,][.digits][f g e d %]. */
export function formatText(value, spec) {
  const [, comma, digits, type] = /^(,?)(?:\.(\d+))?([fged%]?)$/.exec(spec) ?? ["", "", "3", "g"];
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
export function shiftText(value, spec) {
  const isShare = spec.endsWith("%");
  const size = Math.abs(value);
  const text = isShare ? (100 * size).toFixed(Number(/\.(\d+)/.exec(spec)?.[1] ?? 6)) : formatText(size, spec);
  if (!/[1-9]/.test(text)) return size ? "≈ 0" : "0";
  return (value > 0 ? "+" : "−") + text;
}

/** A share in per cent; what is neither nothing nor everything is never rounded to it. */
export function percentText(value, places) {
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
export function exactText(value, uncertainty = 0) {
  if (uncertainty) {
    const decimals = sureDecimals(uncertainty);
    if (decimals >= 0 && decimals < 20) return unsigned(value.toFixed(decimals));
    return unsigned(value.toExponential(clamp(Math.floor(Math.log10(Math.abs(value) || 1)) + decimals, 0, 20)));
  }
  for (let digits = 1; ; digits++) {
    const text = Number(value.toPrecision(digits));
    if (Math.fround(text) === Math.fround(value) || digits === 9) return String(text); // nine tell any two apart
  }
}

/** Round numbers that divide low..high into about `count` parts. */
export function niceTicks(low, high, count) {
  if (!(high > low)) return [low];
  const rough = (high - low) / Math.max(1, count);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5, 10].find((factor) => factor * power >= rough * 0.999) ?? 10);
  const ticks = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i++)
    ticks.push(Number((i * step).toPrecision(12)));
  return ticks;
}

export const clamp = (value, low, high) => Math.min(high, Math.max(low, value));

/** What an axis calls its i-th place: tokens have names, everything else an index. */
export function placeText(axis, index, count) {
  if (!/\btokens?\b/i.test(axis)) return `${axis.replace(/\s*\d+…\d+.*$/, "")} ${index}`; // without its range
  const role = /\((.*)\)/.exec(axis)?.[1];
  return tokenText(index, Math.sqrt(count - 1)) + (role ? ` · ${role}` : "");
}

/** "class token", or the number of a token with the place of its patch on the grid (rows and columns from 1). */
export function tokenText(token, gridSize) {
  if (token === 0) return "class token";
  if (!Number.isInteger(gridSize) || gridSize < 1) return `token ${token}`;
  const row = Math.floor((token - 1) / gridSize);
  return `token ${token} · patch row ${row + 1}, column ${token - row * gridSize}`;
}
