// The buttons above the stage of the walk: what comes before the layers, each layer, and what follows.

import { element } from "../drawing/element.js";

export class WalkParts {
  constructor() {
    /** @type {HTMLButtonElement[]} */
    this.buttons = [];
    this.root = element("div", "walk-parts", { role: "group", "aria-label": "Parts of the forward pass" });
  }

  /** One button for each part; `enter(layer, isLayer)` goes there. */
  make(last, enter) {
    const names = ["Image to tokens", ...Array.from({ length: last }, (_, i) => String(i + 1)), "Prediction"];
    this.buttons = names.map((name, layer) => {
      const isLayer = layer > 0 && layer <= last;
      const button = element("button", isLayer ? "layer" : "", { type: "button" }, name);
      if (isLayer) button.setAttribute("aria-label", `Enter layer ${layer}`);
      button.addEventListener("click", () => enter(layer, isLayer));
      return button;
    });
    const [before, ...others] = this.buttons;
    this.root.replaceChildren(before, element("span", "walk-layers", {}, last > 1 ? "layers" : "layer"), ...others);
  }

  show(here, entered) {
    this.buttons.forEach((button, layer) => {
      button.classList.toggle("here", layer === here);
      if (layer === here) button.setAttribute("aria-current", "step");
      else button.removeAttribute("aria-current");
      button.classList.toggle("entered", layer === entered);
    });
  }
}
