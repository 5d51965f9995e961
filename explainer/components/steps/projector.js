// The projector view: one step fills the window, with its picture, equation, code and proof as large as they fit.
//
// The address carries it, so that a link opens so. What is hidden is a matter of the style sheet.

import { element } from "../drawing/element.js";
import { fitFormulas } from "./fitting.js";

const PROJECTOR = "projector";
const LARGEST_LETTERS = 1.75; // letters, where 1 is their size on the page
const PROSE_LETTERS = 1.3;
const SMALLEST_LETTERS = 0.6;
const PICTURE_SHARE = 0.48; // of the window's height, of a picture that stands above its mathematics
const RESULT_SHARE = 0.44; // of what is below the step's words, for a picture next to the mathematics
const EDGE = 10; // pixels that stay free below

export const isProjecting = () => document.documentElement.dataset.view === PROJECTOR;

const heightOf = (node) => node?.getBoundingClientRect().height ?? 0;
const topOf = (step) => step.querySelector(".vit-step-body").getBoundingClientRect().top;
const mathematicsOf = (step) => step.querySelector(".vit-step-mathematics");
const isAbove = (step) => step.classList.contains("vit-step-wide") && step.querySelector(".vit-step-picture") != null;

/** The height that a picture of a step may have on the projector; a second one has what the first leaves. */
export function roomOnProjector(step, place) {
  if (place.dataset.result != null) return innerHeight - place.getBoundingClientRect().top - EDGE;
  const free = innerHeight - topOf(step) - EDGE;
  if (!isAbove(step)) return free;
  const least = step.querySelector("[data-result]") ? RESULT_SHARE * free : 0;
  return free - Math.max(heightOf(mathematicsOf(step)), least) - EDGE;
}

export class Projector {
  constructor(bar) {
    this.bar = bar;
    this.index = 0;
    /** @type {any} */
    this.page = {};
    this.leave = element("button", "vit-bar-leave", { type: "button", "aria-label": "Leave the projector view" }, "×");
    this.leave.addEventListener("click", () => this.toggle());
    this.onBack = () => this.take();
    this.onResize = () => this.show();
    addEventListener("vit-back", this.onBack);
    addEventListener("resize", this.onResize);
  }

  get isOn() {
    return isProjecting();
  }

  /**
   * The page is as its address says. `page`: recall(name) and remember(name, text) for the address, and
   * redraw(slug), which draws the pictures of a step anew.
   */
  take(page = this.page) {
    this.page = page;
    this.set(page.recall?.("view") === PROJECTOR);
    const named = this.bar.steps.findIndex(({ slug }) => `#${slug}` === location.hash);
    if (named >= 0) this.index = named;
    this.show();
  }

  toggle() {
    const isOn = !this.isOn;
    if (isOn) this.index = this.seen();
    this.set(isOn);
    this.remember();
    this.show();
    if (!isOn) this.bar.go(this.index);
    return true;
  }

  set(isOn) {
    if (isOn) document.documentElement.dataset.view = PROJECTOR;
    else delete document.documentElement.dataset.view;
  }

  step(by) {
    this.go(this.index + by);
    return true;
  }

  go(index) {
    this.index = Math.min(Math.max(0, index), this.bar.steps.length - 1);
    this.remember();
    this.show();
  }

  /** The step that the reader looks at: the last one that begins in the upper half of the window. */
  seen() {
    const tops = this.bar.steps.map(({ slug }) => document.getElementById(slug)?.getBoundingClientRect().top ?? 0);
    return Math.max(0, tops.findLastIndex((top) => top < innerHeight / 2));
  }

  remember() {
    this.page.remember?.("view", this.isOn ? PROJECTOR : "");
    const address = new URL(location.href);
    address.hash = this.isOn ? this.bar.steps[this.index].slug : "";
    history.replaceState(history.state, "", address.href.replace(/#$/, ""));
  }

  /** One step on the screen. */
  show() {
    this.bar.steps.forEach(({ slug }, i) => {
      document.getElementById(slug)?.toggleAttribute("data-shown", i === this.index);
      this.bar.mark(i, this.isOn && i === this.index);
    });
    this.fit();
  }

  /** Letters as large as the window has room for; the picture has what they leave; if it needs more, they shrink. */
  fit() {
    const { slug } = this.bar.steps[this.index] ?? {};
    const step = document.getElementById(slug);
    if (!this.isOn || !step) return;
    const most = isAbove(step) ? innerHeight * (1 - PICTURE_SHARE) : innerHeight - EDGE;
    if (step.matches(".vit-step-prose")) {
      step.style.setProperty("--vit-size", String(PROSE_LETTERS)); // it scrolls
      return;
    }
    let size = LARGEST_LETTERS;
    const shrink = (by) => {
      size -= by;
      step.style.setProperty("--vit-size", size.toFixed(2));
      fitFormulas(step);
    };
    for (shrink(0); size > SMALLEST_LETTERS && topOf(step) + heightOf(mathematicsOf(step)) > most; ) shrink(0.05);
    this.page.redraw?.(slug);
    while (size > SMALLEST_LETTERS && step.getBoundingClientRect().bottom > innerHeight) {
      shrink(0.05);
      this.page.redraw?.(slug);
    }
  }

  destroy() {
    this.set(false);
    removeEventListener("vit-back", this.onBack);
    removeEventListener("resize", this.onResize);
  }
}
