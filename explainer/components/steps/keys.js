// The keys of a page of steps: what is chosen, and the way from step to step.

import { ARROWS } from "../core/input.js";

const TURNS = { "[": ["head", -1], "]": ["head", 1], "{": ["layer", -1], "}": ["layer", 1] };
const WAY = { ArrowLeft: -1, PageUp: -1, ArrowRight: 1, PageDown: 1 }; // the last two are a presenter's remote control

// What keys are typed into, and what uses the arrow keys itself.
const TYPED = "input, textarea, select, [contenteditable], dialog[open]";
const STEERED = 'canvas, [role="toolbar"]:not(.vit-bar), [role="menu"], [role="listbox"], [role="slider"]';

const isIn = (path, selector) => path.some((node) => node.matches?.(selector));
/** Elements that scroll; the page itself does, too, and is no control. */
const scrolls = (node) => node.tabIndex === 0 && !node.matches(".stMain") && node.scrollWidth > node.clientWidth;

export class Keys {
  constructor({ choice, bar, projector, help }) {
    this.choice = choice;
    this.bar = bar;
    this.projector = projector;
    this.help = help;
    this.onKey = (event) => this.key(event);
    addEventListener("keydown", this.onKey); // after everything on the page that has a use for the key
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    const path = event.composedPath().filter((node) => node instanceof Element);
    if (!isIn(path, TYPED) && this.act(event.key, path)) event.preventDefault();
  }

  /** Whether the key was of use. */
  act(key, path) {
    const { bar, projector } = this;
    if (key === "?") return this.help.open();
    if (key === "p" || key === "P") return projector.toggle();
    if (key === "Escape") return projector.isOn && projector.toggle();
    if (TURNS[key]) return this.turn(...TURNS[key]);
    if (/^[1-9]$/.test(key)) return bar.go(Number(key) - 1);
    if (ARROWS[key] && (isIn(path, STEERED) || path.some(scrolls))) return false;
    if (projector.isOn && WAY[key]) return projector.step(WAY[key]);
    return ARROWS[key] && bar.uses.includes("token") && this.moveToken(...ARROWS[key]);
  }

  turn(name, by) {
    if (!this.bar.uses.includes(name)) return false;
    this.bar.turn(name, by, 1, this.choice.sizes[`${name}s`]);
    return true;
  }

  /** To the patch before or after, or a row up or down; above the first row is the class token. */
  moveToken(right, down) {
    const { tokens } = this.choice.sizes;
    const side = Math.round(Math.sqrt(tokens - 1));
    const { token } = this.choice.whole;
    const next = token === 0 ? (right + down > 0 ? 1 : 0) : token + right + side * down;
    if (next < tokens) this.choice.choose({ token: Math.max(0, next) });
    return true;
  }

  destroy() {
    removeEventListener("keydown", this.onKey);
  }
}
