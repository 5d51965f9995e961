// What is chosen by buttons: head, layer, and how the picture under the pointer is shown.

import { element } from "../drawing/element.js";
import { Choice } from "./choice.js";

export class LooksTools {
  /** `act` is what buttons do: change(choice), go(token), leave(), toggle(token). */
  constructor(act) {
    this.choices = {
      ofHead: new Choice("Head", (ofHead) => act.change({ ofHead })),
      layer: new Choice("Layer", (layer) => act.change({ layer })),
      direction: new Choice("Show", (direction) => act.change({ direction })),
      scale: new Choice("Scale", (scale) => act.change({ scale })),
      show: new Choice("As", (show) => act.change({ show })),
      showsAll: new Choice("Heads", (showsAll) => act.change({ showsAll })),
    };
    this.choices.direction.offer([
      ["row", "looks at", "Where the token looks: its row of A"],
      ["column", "looked at by", "Who looks at the token: its column of A"],
      ["both", "both", "Row and column of A side by side"],
    ]);
    this.choices.scale.offer([
      ["own", "each map", "Every map has its own scale"],
      ["shared", "one for all", "One scale for all maps"],
    ]);
    this.choices.show.offer([
      ["heat", "colour", "Weights as colours"],
      ["light", "light", "Weights as light on the image"],
    ]);
    this.choices.showsAll.offer([
      [true, "all", "All heads of the layer below"],
      [false, "chosen", "The chosen head alone"],
    ]);
    this.classButton = element("button", "token", { type: "button" }, element("i", "square"), "class token");
    this.classButton.addEventListener("pointerenter", () => act.go(0));
    this.classButton.addEventListener("pointerleave", () => act.leave());
    this.classButton.addEventListener("focus", () => act.go(0));
    this.classButton.addEventListener("click", () => act.toggle(0));
    const roots = (...names) => names.map((name) => this.choices[name].root);
    this.what = element("div", "tools", {}, ...roots("ofHead", "layer"), this.classButton);
    this.how = element("div", "tools how", {}, ...roots("direction", "scale", "show", "showsAll"));
    this.options = element("button", "token", { type: "button", "aria-expanded": "false" }, "Options");
    this.options.addEventListener("click", () => this.unfold(this.how.hidden));
  }

  /** Where there is little room, how the picture is shown unfolds. */
  fold(isFolded) {
    if (this.isFolded === isFolded) return;
    this.isFolded = isFolded;
    this.options.hidden = !isFolded;
    this.unfold(!isFolded);
  }

  unfold(isOpen) {
    this.how.hidden = !isOpen;
    this.options.setAttribute("aria-expanded", String(isOpen));
  }

  /** The heads and layers that a panel has; or `head` alone, where they are chosen elsewhere. */
  offer(heads, layers, head) {
    this.choices.layer.root.hidden = head != null;
    if (head != null) {
      this.choices.ofHead.offer([
        [head, String(head), `Head ${head}`],
        [0, "mean", "Mean of all heads"],
      ]);
      return;
    }
    this.choices.ofHead.offer([
      [0, "mean", "Mean of all heads"],
      ...Array.from({ length: heads }, (_, i) => [i + 1, String(i + 1), `Head ${i + 1}`]),
    ]);
    this.choices.layer.offer(layers.map((layer) => [layer, String(layer), `Layer ${layer}`]));
  }

  show(state) {
    for (const [name, choice] of Object.entries(this.choices)) choice.show(state[name]);
  }

  showPinned(isPinned) {
    this.classButton.setAttribute("aria-pressed", String(isPinned));
  }
}
