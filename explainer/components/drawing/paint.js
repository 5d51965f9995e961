// The look: the page's colours and fonts, and colour scales.

import { newContext } from "./element.js";
import { clamp } from "./numbers.js";

/** Colours and fonts of the page around `node`: Streamlit's CSS variables, or those of a plain page. */
export function readTheme(node, scheme) {
  const style = getComputedStyle(node);
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

const colourProbe = newContext(1, 1, { willReadFrequently: true });
const colourCache = new Map();

/** [red, green, blue] of any CSS colour. */
export function colourOf(text) {
  if (!colourCache.has(text)) {
    colourProbe.clearRect(0, 0, 1, 1);
    colourProbe.fillStyle = text;
    colourProbe.fillRect(0, 0, 1, 1);
    colourCache.set(text, [...colourProbe.getImageData(0, 0, 1, 1).data.slice(0, 3)]);
  }
  return colourCache.get(text);
}

/** @param {number[]} rgb */
export const luminance = ([red, green, blue]) => (0.299 * red + 0.587 * green + 0.114 * blue) / 255;

export function mix(from, to, share) {
  const [a, b] = [colourOf(from), colourOf(to)];
  return `rgb(${a.map((value, i) => Math.round(value + (b[i] - value) * share)).join(",")})`;
}

export function withAlpha(colour, alpha) {
  return `rgba(${colourOf(colour).join(",")},${alpha})`;
}

const tables = new Map();

/** 256 colours between the stops, straight lines in sRGB: four bytes a colour. */
export function colourTable(stops) {
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

export const LIGHT_TABLE = ["#000000", "#ffffff"]; // of a spotlight: how much of the picture's light passes

/** What the drawing functions need to know of the page and the view. */
export class Paint {
  constructor(theme, view, ratio) {
    this.theme = theme;
    this.view = view;
    this.ratio = ratio;
    this.shrink = 1; // of the size that pictures, maps and plots have where there is room for them
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

  /** How words are written that are not the first to be read. */
  muted(pixels, others = {}) {
    return { font: this.font(pixels), colour: this.theme.muted, ...others };
  }

  /** How a name is written, and that of what is chosen. */
  chosen(pixels, isChosen) {
    return isChosen ? { font: this.font(pixels, 650), colour: this.theme.text } : this.muted(pixels);
  }

  /** A length rounded down to whole device pixels. */
  snap(length) {
    return Math.floor(length * this.ratio + 1e-6) / this.ratio;
  }
}

/** White or black, whichever reads better on the colour. */
export const inkOn = (rgb) => (luminance(rgb) > 0.55 ? "rgba(0,0,0,.85)" : "rgba(255,255,255,.95)");
