// The keys of a page of steps, as a list that "?" opens.

import { element } from "../drawing/element.js";

const lineIf = (uses, name, ...line) => (uses.includes(name) ? [line] : []);

/** What the keys do on a page that shows what is chosen of layer, head and token. */
const linesFor = (uses) => [
  ...lineIf(uses, "layer", ["{", "}"], "layer"),
  ...lineIf(uses, "head", ["[", "]"], "head"),
  ...lineIf(uses, "token", ["←", "→", "↑", "↓"], "token: the patch before and after, a row up and down"),
  [["1", "…", "9"], "step"],
  [["P"], "projector: one step a screen; ← and → (or Page Up and Page Down) step"],
  [["Esc"], "lets go of what a click has lit; leaves the projector"],
  [["N"], "in a picture: how the number was computed"],
  [["?"], "this list"],
];

export class KeyHelp {
  /** `project()` shows the page as a projector does. */
  constructor(project) {
    this.uses = [];
    this.list = element("dl");
    const close = this.button("Close", () => {});
    const show = this.button("Projector view", project);
    const title = element("h2", "", { id: "vit-keys-title" }, "Keys");
    this.root = element("dialog", "vit-keys", { "aria-labelledby": "vit-keys-title" }, title, this.list, show, close);
    this.root.addEventListener("click", (event) => event.target === this.root && this.root.close()); // beside it
    document.body.append(this.root);
  }

  button(words, act) {
    const button = element("button", "", { type: "button" }, words);
    button.addEventListener("click", () => {
      this.root.close();
      act();
    });
    return button;
  }

  take(uses) {
    const key = (name) => (name === "…" ? " … " : element("kbd", "", {}, name));
    this.list.replaceChildren(
      ...linesFor(uses).flatMap(([keys, words]) => [
        element("dt", "", {}, ...keys.map(key)),
        element("dd", "", {}, words),
      ]),
    );
  }

  open() {
    this.root.showModal(); // keeps the focus inside, closes by Escape, and gives the focus back
    return true;
  }

  destroy() {
    this.root.remove();
  }
}
