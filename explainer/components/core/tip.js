// The tooltip of a view: what the cell under the pointer holds.

import { element } from "../drawing/element.js";
import { clamp } from "../drawing/numbers.js";
import { zoomOf } from "./input.js";
import { richNodes } from "../drawing/text.js";

export class Tip {
  constructor(view) {
    this.view = view; // the element that it stays inside
    this.root = element("div", "tip", { role: "tooltip" });
    this.root.hidden = true;
  }

  /** At (x, y) of a panel's canvas. */
  show(frame, lines, x, y) {
    const nodes = lines.map(({ text, colour, isHint }, i) => {
      const line = element("div", isHint ? "hint" : i ? "" : "value");
      if (colour) {
        const dot = element("span", "dot");
        dot.style.background = colour;
        line.append(dot);
      }
      line.append(...richNodes(text));
      return line;
    });
    this.root.replaceChildren(...nodes);
    this.root.hidden = false;
    this.owner = frame;
    const [own, box] = [this.view.getBoundingClientRect(), frame.over.getBoundingClientRect()];
    const [width, height] = [this.root.offsetWidth, this.root.offsetHeight];
    const zoom = zoomOf(this.view);
    const room = own.width / zoom;
    let [left, top] = [(box.left - own.left) / zoom + x, (box.top - own.top) / zoom + y];
    if (left + width > room) left = Math.max(0, left - width - 28);
    if (box.top + (y + height) * zoom > innerHeight - 8) top -= height + 32;
    left = clamp(left, 0, Math.max(0, room - width));
    this.root.style.transform = `translate(${Math.round(left)}px, ${Math.round(top)}px)`;
  }

  hide(frame = this.owner) {
    if (frame === this.owner) this.root.hidden = true;
  }
}
