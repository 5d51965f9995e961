// The pins as a list above the pictures: each leads to its token, and can be let go.

import { element } from "../drawing/element.js";
import { colourOf, inkOn } from "../drawing/paint.js";
import { patchText } from "./words.js";

/** A pin's letter on its colour. */
export function pinLetter(pin) {
  const letter = element("b", "", {}, pin.letter);
  letter.style.background = pin.colour;
  letter.style.color = inkOn(colourOf(pin.colour));
  return letter;
}

export class PinList {
  /** `act` is what the buttons do: go(token), leave(), unpin(pin), clear(). */
  constructor(act) {
    this.act = act;
    this.root = element("div", "pins", { role: "group", "aria-label": "Pinned tokens" });
  }

  show(pins, size) {
    const { act } = this;
    const chips = pins.map((pin) => {
      const name = patchText(pin.token, size);
      const attributes = { type: "button", "aria-label": `Pin ${pin.letter}, ${name}: let go` };
      const chip = element("button", "chip", attributes, pinLetter(pin), name, element("i", "", {}, "×"));
      chip.addEventListener("pointerenter", () => act.go(pin.token));
      chip.addEventListener("pointerleave", act.leave);
      chip.addEventListener("click", () => act.unpin(pin));
      return chip;
    });
    if (chips.length > 1) {
      const clear = element("button", "clear", { type: "button" }, "clear all");
      clear.addEventListener("click", act.clear);
      chips.push(clear);
    }
    this.root.replaceChildren(...chips);
    this.root.hidden = !chips.length;
  }
}
