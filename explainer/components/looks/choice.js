// Buttons of which one is chosen.

import { element, makeStop } from "../drawing/element.js";

export class Choice {
  constructor(label, onChoose) {
    this.onChoose = onChoose;
    this.options = [];
    this.buttons = new Map();
    this.group = element("div", "segment", { role: "radiogroup", "aria-label": label });
    this.root = element("div", "choice", {}, element("span", "name", { "aria-hidden": "true" }, label), this.group);
    this.group.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 }[event.key];
      if (!step) return;
      event.preventDefault();
      const at = this.options.findIndex(([value]) => value === this.value);
      const [value] = this.options[(at + step + this.options.length) % this.options.length];
      onChoose(value);
      this.buttons.get(value)?.focus();
    });
  }

  offer(options) {
    if (JSON.stringify(options) === JSON.stringify(this.options)) return;
    this.options = options; // [value, text, what it means]
    this.buttons = new Map();
    for (const [value, text, title] of options) {
      const button = element("button", "", { type: "button", role: "radio", title: title ?? "" });
      if (title) button.setAttribute("aria-label", title);
      button.textContent = text;
      button.addEventListener("click", () => this.onChoose(value));
      this.buttons.set(value, button);
    }
    this.group.replaceChildren(...this.buttons.values());
    this.root.hidden = options.length < 2;
  }

  show(value) {
    this.value = value;
    for (const [each, button] of this.buttons) button.setAttribute("aria-checked", String(each === value));
    makeStop(this.buttons.values(), this.buttons.get(value));
  }
}
