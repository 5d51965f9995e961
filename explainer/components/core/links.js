// Linked views: equation, code line, table row, proof and picture of one tensor light up together.
//
// An element says in data-link what it makes or shows, and in data-reads what it is made of: keys of
// explainer/links.py, with spaces between them. What is under the pointer, or else has the keyboard's focus, is marked
// data-lit="made", and so is everything that makes or shows the same; what only reads it is marked "read". An equation
// says in data-symbols what each of its symbols stands for, in the order in which they are written.

import { makeStop } from "../drawing/element.js";
import { page } from "./page.js";

const AREAS = "tr, .st-key-number_head"; // what a mark inside stands for
const FORMULAS = ".katex";

class Links {
  constructor() {
    this.roots = new Set([document]); // of the page, and of every canvas on it
    this.painters = new Map(); // root of a canvas -> paints anew what is marked on it
    this.pointed = this.focused = null; // what was found there
    this.held = null; // what was clicked: it stays lit, so that all that lights up with it can be looked at
    this.formulas = new WeakMap(); // formula -> what was read of its symbols
    this.pointAt = (event) => this.set("pointed", this.sourceOf(event));
    this.focusAt = (event) => {
      const isByKeyboard = event.composedPath()[0].matches?.(":focus-visible");
      this.set("focused", isByKeyboard ? this.sourceOf(event) : null);
    };
    this.holdAt = (event) => this.hold(event);
    this.listen(document);
    document.documentElement.addEventListener("pointerleave", (event) => {
      if (event.pointerType !== "touch") this.set("pointed", null); // a tap stays until the next
    });
    document.addEventListener("focusout", () => this.set("focused", null));
    document.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && this.held) {
        this.set("held", null);
        event.preventDefault(); // one press lets go of one thing
      } else if (event.key === "Enter" || event.key === " ") this.hold(event);
      goToRow(event);
    });
  }

  listen(root) {
    root.addEventListener("pointerover", this.pointAt);
    root.addEventListener("focusin", this.focusAt);
    if (root === document) root.addEventListener("click", this.holdAt);
  }

  get source() {
    return this.held ?? this.pointed ?? this.focused;
  }

  /** What was clicked stays lit until it is clicked again, or until Escape; a click on a picture chooses instead. */
  hold(event) {
    const from = event.composedPath()[0];
    if (from instanceof HTMLCanvasElement || from.closest?.("button, a, summary, input, select")) return;
    const source = this.sourceOf(event);
    if (source) this.set("held", source.id === this.held?.id ? null : source);
  }

  set(name, source) {
    const before = this.source;
    this[name] = source;
    if (this.source?.id !== before?.id) this.light();
  }

  /** {id, makes, reads, names, isStep} of what an event happened on; null if that is about no tensor. */
  sourceOf(event) {
    const path = event.composedPath();
    const found = this.symbolAt(path);
    if (found) return found;
    for (const node of path) {
      const linked = node.dataset?.link != null ? node : node.matches?.(AREAS) && node.querySelector("[data-link]");
      if (linked) return described(linked);
    }
    return null;
  }

  symbolAt(path) {
    const formula = path.find((node) => node.matches?.(FORMULAS));
    const symbols = formula && this.symbolsOf(formula);
    return path.map((node) => symbols?.get(node)).find(Boolean);
  }

  /** What the symbols of a formula stand for: Map of their outermost elements. Read once while it stays the same. */
  symbolsOf(formula) {
    const area = formula.closest(AREAS);
    const told = area?.querySelector("[data-symbols]")?.dataset.symbols.split(" | ");
    const tensors = told?.[[...area.querySelectorAll(FORMULAS)].indexOf(formula)] ?? "";
    const source = `${tensors} ${formula.querySelector("annotation")?.textContent}`;
    const known = this.formulas.get(formula);
    if (known?.source === source && known.nodes.every((node) => node.isConnected)) return known.symbols;
    const symbols = tensors ? readSymbols(formula, tensors.split(" ")) : new Map();
    this.formulas.set(formula, { source, symbols, nodes: [...symbols.keys()] });
    return symbols;
  }

  /** Mark everything anew: what was marked may be gone, and what is there may be new. */
  light() {
    const { source } = this;
    for (const root of this.roots) {
      for (const node of root.querySelectorAll("[data-lit]")) delete node.dataset.lit;
      if (!source) continue;
      for (const node of root.querySelectorAll("[data-link]")) light(node, relation(source, described(node)));
      for (const formula of root.querySelectorAll(FORMULAS))
        for (const [node, each] of this.symbolsOf(formula)) light(node, relation(source, each));
    }
    for (const paint of this.painters.values()) paint();
  }

  /** The pointer or the arrow keys are at a part of a picture that shows these tensors. */
  pointInside(node, tensors) {
    if (tensors.length) node.dataset.link = tensors.join(" ");
    else delete node.dataset.link;
    const name = node.querySelector(":focus-visible") ? "focused" : "pointed";
    this.set(name, tensors.length ? described(node) : null);
  }

  /** Elements are about something else now, or gone: so may be what the pointer or the keyboard is at. */
  renew() {
    for (const name of ["pointed", "focused"]) {
      const node = this[name]?.node;
      if (node) this[name] = node.isConnected && node.dataset.link != null ? described(node) : null;
    }
    this.light();
  }

  /** A canvas has come, has changed, or goes. */
  join(root, paint) {
    this.roots.add(root);
    this.painters.set(root, paint);
    this.listen(root); // from one panel of a canvas to another: what happens inside a shadow root is not told outside
    if (this.source) this.light();
  }

  leave(root) {
    this.roots.delete(root);
    this.painters.delete(root);
    root.removeEventListener("pointerover", this.pointAt);
    root.removeEventListener("focusin", this.focusAt);
  }
}

function light(node, how) {
  if (how) node.dataset.lit = how;
}

const keysOf = (text) => (text ? text.split(" ") : []);
const sharesAny = (some = [], others = []) => some.some((key) => others.includes(key));

function described(node) {
  const { link, reads, symbols } = node.dataset;
  const isStep = (reads ?? symbols) != null;
  const id = `${link} from ${reads} in ${symbols}`;
  const names = symbols ? symbols.split(/[ |]+/).map((each) => `symbol.${nameOf(each)}`) : [];
  return { node, id, makes: keysOf(link), reads: keysOf(reads), names, isStep, isSymbol: node.dataset.symbol != null };
}

/** "made", "read" or null. Two steps of the computation have to do with each other only if they make the same. */
export function relation(one, other) {
  if (sharesAny(one.makes, other.makes)) return "made";
  if (one.isStep === other.isStep) return null;
  const isRead = sharesAny(one.reads, other.makes) || sharesAny(one.makes, other.reads);
  const isNamed = sharesAny(one.names, other.makes) || sharesAny(one.makes, other.names);
  return isRead || (isNamed && !other.isSymbol) ? "read" : null; // an equation does not light up each of its letters
}

/**
 * The symbols of a formula that KaTeX has drawn. It keeps nothing of who is who, but writes the formula a second time,
 * for those who hear it: there, what has a colour stands in the order in which it was written.
 */
function readSymbols(formula, tensors) {
  const written = [...formula.querySelectorAll(".katex-mathml [mathcolor]")];
  const byLooks = new Map(written.map((node, i) => [looks(node.getAttribute("mathcolor"), node), tensors[i]]));
  const symbols = new Map();
  for (const node of formula.querySelectorAll('.katex-html [style*="color"]')) {
    if (node.parentElement.closest('[style*="color"]')?.closest(FORMULAS) === formula) continue; // inside another
    const tensor = byLooks.get(looks(node.style.color, node));
    if (tensor) symbols.set(node, symbol(tensor));
  }
  return symbols;
}

const nameOf = (tensor) => tensor.slice(0, tensor.lastIndexOf("="));

function symbol(tensor) {
  const makes = tensor.slice(tensor.lastIndexOf("=") + 1).split(",");
  return { id: tensor, makes, reads: [], names: [], isStep: false, isSymbol: true };
}

/** Colour and letters in any order: what is lowered and what is raised stand in different orders in the two copies. */
function looks(colour, node) {
  const hexadecimal = colour.replace(/\d+/g, (number) => Number(number).toString(16).padStart(2, "0"));
  const short = colour.startsWith("rgb") ? `#${hexadecimal.replace(/rgba?|[(), ]/g, "")}` : colour;
  return `${short} ${[...node.textContent.replace(/[\s\u200b\u2061]/g, "")].sort().join("")}`;
}

/** Arrows go from row to row in a table whose rows are one stop of the Tab key. */
function goToRow(event) {
  const by = { ArrowUp: -1, ArrowDown: 1 }[event.key];
  const mark = by && event.target.closest?.("tr [data-link][tabindex]");
  if (!mark) return;
  const marks = [...mark.closest("tbody").querySelectorAll("[data-link][tabindex]")];
  const next = marks[marks.indexOf(mark) + by];
  if (!next || marks.every((each) => each.tabIndex === 0)) return;
  event.preventDefault();
  makeStop(marks, next);
  next.focus();
}

export const links = (page.links ??= new Links());
