// The quiet menu of a panel: one button, which opens what can be done with the panel.

import { element, makeStop } from "../drawing/element.js";
import { zoomOf } from "./input.js";

const ROOM = [250, 34]; // pixels of the menu's width, and of the height of one line

export class PanelMenu {
  /** `ways()` lists what can be done now: [name, meaning, function]. */
  constructor(ways) {
    this.ways = ways;
    this.button = element("button", "opener", { type: "button", "aria-haspopup": "menu" }, "⋯");
    this.list = element("div", "ways", { role: "menu", popover: "auto" });
    this.root = element("div", "menu", {}, this.button, this.list);
    this.button.popoverTargetElement = this.list; // the browser closes it by a click beside both
    this.button.addEventListener("click", (event) => {
      event.preventDefault(); // the browser would open it, too, and the focus would follow a moment later
      if (this.list.togglePopover()) this.go(0);
    });
    this.button.addEventListener("keydown", (event) => {
      if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
      event.preventDefault();
      this.list.togglePopover(true);
      this.go(event.key === "ArrowUp" ? -1 : 0);
    });
    this.list.addEventListener("keydown", (event) => this.key(event));
    this.list.addEventListener("beforetoggle", (event) => this.toggled(event.newState === "open"));
    this.follow = () => this.place();
    this.toggled(false);
  }

  name(title) {
    for (const node of [this.button, this.list]) node.setAttribute("aria-label", `Keep or read ${title}`);
  }

  toggled(isOpen) {
    this.button.setAttribute("aria-expanded", String(isOpen));
    for (const type of ["scroll", "resize"]) {
      if (isOpen) addEventListener(type, this.follow, { capture: true });
      else removeEventListener(type, this.follow, { capture: true });
    }
    if (!isOpen) return;
    this.list.replaceChildren(...this.ways().map((way) => this.line(...way)));
    this.place();
  }

  line(name, meaning, act) {
    const words = [element("b", "", {}, name), " ", element("span", "", {}, meaning)];
    const line = element("button", "", { type: "button", role: "menuitem", tabindex: "-1" }, ...words);
    line.addEventListener("click", () => {
      this.close();
      act();
    });
    return line;
  }

  /** The focus goes back to the button: inside a shadow root browsers do not see to that. */
  close() {
    this.list.hidePopover();
    this.button.focus({ preventScroll: true });
  }

  /** Below the button, or above it where there is no room; it goes with the button when the page is scrolled. */
  place() {
    const [box, zoom] = [this.button.getBoundingClientRect(), zoomOf(this.button)];
    if (!this.root.isConnected) this.toggled(false); // the page has gone, and with it the menu, without a word
    else if (box.bottom < 0 || box.top > innerHeight) this.close();
    const [width, height] = [ROOM[0], ROOM[1] * this.list.children.length];
    const isAbove = box.bottom + height > innerHeight && box.top > height;
    const right = document.documentElement.clientWidth - Math.max(box.right, width);
    const pixels = (length) => `${Math.max(4, length) / zoom}px`;
    this.list.style.inset = isAbove
      ? `auto ${pixels(right)} ${pixels(innerHeight - box.top + 4)} auto`
      : `${pixels(Math.min(box.bottom + 4, innerHeight - height))} ${pixels(right)} auto auto`;
  }

  key(event) {
    const lines = [...this.list.children];
    const at = lines.indexOf(event.target);
    const next = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: -1 }[event.key];
    if (event.key === "Tab" || event.key === "Escape") this.close();
    event.stopPropagation(); // no key of the page: what is lit stays lit, the step stays
    if (next == null) return;
    event.preventDefault();
    this.go(next % lines.length);
  }

  /** The line with this number gets the focus; below 0 they are counted from the end. */
  go(index) {
    const lines = [...this.list.children];
    const line = lines.at(index);
    makeStop(lines, line);
    line?.focus({ preventScroll: true });
  }
}
