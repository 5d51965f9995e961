// The bar above the steps: the way from step to step, and what is chosen: layer, head, token.

import { element } from "../drawing/element.js";
import { KeyHelp } from "./help.js";
import { Keys } from "./keys.js";
import { Projector } from "./projector.js";

const MOST_BUTTONS = 12;

export class ChoiceBar {
  constructor(choice) {
    this.choice = choice;
    this.root = element("div", "vit-bar", { role: "toolbar", "aria-label": "What is shown" });
    this.follow = () => this.show();
    choice.followers.add(this.follow);
    this.projector = new Projector(this);
    this.help = new KeyHelp(() => this.projector.toggle());
    this.keys = new Keys({ choice, bar: this, projector: this.projector, help: this.help });
  }

  /** `title` of the page; `steps` [{slug, title}]; `uses` names of layer, head, token. */
  take({ title, steps, uses }) {
    const form = JSON.stringify([title, steps, uses, this.choice.sizes]);
    if (form !== this.form) {
      this.form = form;
      this.steps = steps;
      this.uses = uses;
      this.build(title);
      this.help.take(uses);
    }
    this.show();
  }

  build(title) {
    const { sizes } = this.choice;
    const way = element("nav", "vit-bar-steps", { "aria-label": `Steps of ${title}` });
    this.steps.forEach(({ slug, title: name }, i) => {
      const words = { href: `#${slug}`, title: name, "aria-label": `Step ${i + 1}: ${name}` };
      const link = element("a", "", words, String(i + 1));
      link.addEventListener("click", (event) => {
        event.preventDefault(); // the address keeps the choice
        this.go(i);
      });
      way.append(link);
    });
    this.controls = [];
    const offers = (name, count) => this.uses.includes(name) && count > 1;
    if (offers("layer", sizes.layers)) this.controls.push(this.control("layer", "Layer", sizes.layers));
    if (offers("head", sizes.heads)) this.controls.push(this.control("head", "Head", sizes.heads));
    if (this.uses.includes("token")) this.controls.push(this.tokenControl());
    this.links = [...way.children];
    const help = element("button", "vit-bar-help", { type: "button", "aria-label": "Keys" }, "?");
    help.addEventListener("click", () => this.help.open());
    const steps = this.steps.length > 1 ? [way] : [];
    const choices = this.controls.map((control) => control.root);
    this.root.replaceChildren(...steps, ...choices, help, this.projector.leave);
  }

  control(name, label, count) {
    const words = element("span", "", {}, label);
    const root = element("div", "vit-bar-choice", { role: "group", "aria-label": label }, words);
    if (count > MOST_BUTTONS) {
      const select = element("select", "", { "aria-label": label });
      for (let i = 1; i <= count; i++) select.append(new Option(String(i), String(i)));
      select.addEventListener("change", () => this.choice.choose({ [name]: Number(select.value) }));
      root.append(select);
      return { root, show: (choice) => (select.value = String(choice[name])) };
    }
    const buttons = Array.from({ length: count }, (_, i) => {
      const button = element("button", "", { type: "button", "aria-label": `${label} ${i + 1}` }, String(i + 1));
      button.addEventListener("click", () => this.choice.choose({ [name]: i + 1 }));
      return button;
    });
    root.append(...buttons);
    const show = (choice) =>
      buttons.forEach((button, i) => button.setAttribute("aria-pressed", String(choice[name] === i + 1)));
    return { root, show };
  }

  tokenControl() {
    const words = element("output", "vit-bar-token");
    const step = (by, label, sign) => {
      const button = element("button", "", { type: "button", "aria-label": label }, sign);
      button.addEventListener("click", () => this.turn("token", by, 0, this.choice.sizes.tokens - 1));
      return button;
    };
    const root = element(
      "div",
      "vit-bar-choice",
      { role: "group", "aria-label": "Token" },
      element("span", "", {}, "Token"),
      step(-1, "The token before", "‹"),
      words,
      step(1, "The next token", "›"),
    );
    return { root, show: ({ token }) => (words.textContent = this.tokenName(token)) };
  }

  tokenName(token) {
    const side = Math.round(Math.sqrt(this.choice.sizes.tokens - 1));
    if (token === 0) return "0 · class token";
    return `${token} · row ${Math.ceil(token / side)}, column ${((token - 1) % side) + 1}`;
  }

  show() {
    const choice = this.choice.whole;
    for (const control of this.controls ?? []) control.show(choice);
  }

  turn(name, by, first, last) {
    const value = this.choice.whole[name] + by;
    this.choice.choose({ [name]: value < first ? last : value > last ? first : value });
  }

  /** To a step; whether there is one. */
  go(index) {
    if (!this.steps[index]) return false;
    if (this.projector.isOn) this.projector.go(index);
    else document.getElementById(this.steps[index].slug)?.scrollIntoView({ block: "start" });
    return true;
  }

  /** Whether a step is the one that is shown alone. */
  mark(index, isShown) {
    const link = this.links?.[index];
    if (isShown) link?.setAttribute("aria-current", "step");
    else link?.removeAttribute("aria-current");
  }

  destroy() {
    this.choice.followers.delete(this.follow);
    for (const part of [this.keys, this.help, this.projector]) part.destroy();
    this.root.remove();
  }
}
