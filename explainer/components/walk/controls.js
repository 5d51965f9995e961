// The controls of the walk: back, play, on, a slider over all moments, the speed, the full screen.

import { element } from "../drawing/element.js";
import { between } from "./sprites.js";

const SPEEDS = [0.5, 1, 2, 4];
export const reducedMotion = matchMedia("(prefers-reduced-motion: reduce)");

export class WalkControls {
  /** `act` is what the controls do: step(by), play(), scrub(value), settle(), fillScreen(). */
  constructor(act) {
    this.back = this.button("back", "Step back", () => act.step(-1));
    this.play = this.button("play", "Play", act.play);
    this.on = this.button("on", "Step forward", () => act.step(1));
    this.slider = element("input", "", { type: "range", min: "0", "aria-label": "moment" });
    this.select = element("select", "speed", { "aria-label": "speed" });
    for (const speed of SPEEDS) this.select.append(element("option", "", { value: speed }, `${speed} ×`));
    this.select.value = "1";
    this.whole = this.button("whole", "Full screen", act.fillScreen);
    const all = [this.back, this.play, this.on, this.slider, this.select, this.whole];
    this.root = element("div", "bar walk-controls", {}, ...all);
    this.slider.addEventListener("input", () => act.scrub(Number(this.slider.value)));
    this.slider.addEventListener("change", act.settle);
  }

  button(kind, label, action) {
    const button = element("button", `walk-button ${kind}`, { type: "button", "aria-label": label });
    button.addEventListener("click", action);
    return button;
  }

  get speed() {
    return Number(this.select.value);
  }

  /** The slider between the places `from` and `to`, and which moment of how many is told. */
  show({ from, to, share, at, count, title }) {
    const { slider } = this;
    slider.max = String(count - 1);
    slider.step = reducedMotion.matches ? "1" : "any";
    const isHeld = document.activeElement === slider && slider.matches(":active");
    if (!isHeld) slider.value = String(between(from, to, share));
    slider.setAttribute("aria-valuetext", `moment ${at + 1} of ${count}: ${title}`);
  }

  showWhole(isWhole) {
    this.whole.setAttribute("aria-label", isWhole ? "Leave full screen" : "Full screen");
  }
}
