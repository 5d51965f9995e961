// The words of a moment of the walk: its sentence, its equation with what it is about marked, and its line of code.

import { element } from "../drawing/element.js";
import { links } from "../core/links.js";
import { plainText, richNodes, wrapped } from "../drawing/text.js";

/** Words of a line of code, in the colour of the quantity that they name. */
const codePiece = ([text, quantity]) => (quantity ? element("span", "", { "data-quantity": quantity }, text) : text);

/** Seconds to read a sentence. */
export const readingTime = (step) => 0.9 + 0.14 * step.sentence.split(" ").length;

/** Where in the forward pass a step is. */
function partOf(step, last) {
  if (step.layer === 0) return "Before the encoder";
  return step.layer > last ? "After the encoder" : `Layer ${step.layer} of ${last}`;
}

export class WalkWords {
  /** `open(step)` goes to the page of the step. */
  constructor(host, open) {
    this.host = host;
    this.part = element("p", "walk-number");
    this.heading = element("h4", "walk-name");
    this.sentence = element("p", "walk-sentence");
    this.shape = element("span", "walk-shape");
    this.link = element("button", "walk-link", { type: "button" });
    this.link.addEventListener("click", () => open(this.step));
    this.equationTitle = element("p", "walk-equation-title", { tabindex: "0" });
    this.equation = element("div", "walk-equation");
    const more = element("p", "walk-more", {}, this.shape, this.link);
    const words = element("div", "walk-words", {}, this.part, this.heading, this.sentence, more);
    this.formula = element("div", "walk-formula", {}, this.equationTitle, this.equation);
    this.code = element("p", "walk-code", { tabindex: "0" });
    this.root = element("div", "walk-moment", {}, this.formula, words, this.code);
  }

  /** The words of a step, and how they are read out. */
  show(panel, step) {
    this.step = step;
    const part = partOf(step, panel.num_layers);
    this.part.textContent = part;
    this.heading.textContent = step.title;
    this.sentence.replaceChildren(...richNodes(step.sentence));
    this.shape.textContent = step.shape;
    this.link.textContent = `${step.page_title}, in detail`;
    this.link.hidden = !this.host.options.onPick;
    if (this.equation.dataset.key !== step.equation) {
      this.equation.dataset.key = step.equation;
      const written = new DOMParser().parseFromString(panel.equations[step.equation], "application/xml");
      this.equation.replaceChildren(document.importNode(written.documentElement, true));
      this.equationTitle.textContent = panel.equation_titles[step.equation];
    }
    this.tie(panel, step);
    this.colour();
    this.fitEquation();
    for (const each of this.symbols) each.classList.toggle("lit", step.lit.includes(each.dataset.symbol));
    return `${part}. ${step.title}. ${plainText(step.sentence)}`;
  }

  get symbols() {
    return this.equation.querySelectorAll("[data-symbol]");
  }

  /** The line of code of the moment, and what it, the equation and each of its symbols are about. */
  tie({ symbols, code }, step) {
    for (const each of [this.formula, this.code]) {
      each.dataset.link = step.tensors.join(" ");
      each.dataset.reads = step.sources.join(" ");
    }
    for (const each of this.symbols) {
      each.dataset.link = symbols[step.equation]?.[each.dataset.symbol ?? ""]?.join(" ") ?? "";
    }
    const line = code[step.name];
    this.code.style.visibility = line ? "" : "hidden"; // its place stays: nothing below it moves
    if (line) {
      const words = element("code", "", {}, ...line.pieces.map(codePiece));
      this.code.replaceChildren(words, ` ${line.path}, line ${line.number}`);
    } else this.code.replaceChildren("\u00a0");
    if (links.source) links.renew();
  }

  colour() {
    if (!this.host.paint) return;
    for (const each of this.root.querySelectorAll("[data-quantity]"))
      each.style.color = this.host.paint.colour(each.dataset.quantity);
  }

  /** An equation that is wider than its place is written smaller. */
  fitEquation() {
    const written = this.equation.firstElementChild;
    this.equation.style.fontSize = "";
    const [width, room] = [written?.getBoundingClientRect().width ?? 0, this.equation.clientWidth];
    const size = parseFloat(getComputedStyle(this.equation).fontSize);
    if (room && width > room) this.equation.style.fontSize = `${(size * room * 0.985) / width}px`;
  }

  /** Room for the longest sentence and the tallest equation: other words move nothing. */
  reserve(steps) {
    const style = getComputedStyle(this.sentence);
    const font = `${style.fontWeight} ${style.fontSize} ${style.fontFamily}`;
    const width = this.sentence.clientWidth;
    const lines = Math.max(...steps.map((step) => wrapped(step.sentence, width, font).length));
    this.sentence.style.minHeight = `${lines * parseFloat(style.lineHeight)}px`;
  }
}
