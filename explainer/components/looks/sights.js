// The two pictures that follow the pointer, a finger or keys, and what is read beside them.

import { element } from "../drawing/element.js";
import { scaled, sized } from "../drawing/images.js";
import { placeIn, whereClicked } from "../core/input.js";
import { cellWithin } from "../panels/small.js";
import { paintReading } from "./painting/reading.js";
import { CLASS_TOKEN_ROOM, SIGHT_FOOT, SIGHT_HEAD, paintSight } from "./painting/sight.js";
import { DIRECTIONS } from "./words.js";

export class Sights {
  /** `frame` is the panel, a LooksFrame. */
  constructor(frame) {
    this.frame = frame;
    this.pointer = null;
    this.canvases = { row: this.make("row"), column: this.make("column") };
    this.reading = element("canvas", "reading", { "aria-hidden": "true" });
    this.root = element("div", "stage", {}, this.canvases.row, this.canvases.column, this.reading);
  }

  make(direction) {
    const { frame } = this;
    const canvas = element("canvas", "over sight", { role: "application", tabindex: "0" });
    canvas.dataset.direction = direction;
    const moved = (event) => {
      this.pointer = { event, direction };
      this.pending ??= requestAnimationFrame(() => {
        this.pending = null;
        if (this.pointer) this.point(this.pointer.event, this.pointer.direction);
      });
    };
    canvas.addEventListener("pointermove", moved);
    canvas.addEventListener("pointerdown", (event) => {
      this.pressed = event;
      if (event.pointerType === "touch") canvas.setPointerCapture?.(event.pointerId);
      moved(event);
    });
    canvas.addEventListener("pointerleave", (event) => {
      this.pointer = null;
      if (event.pointerType === "touch") {
        frame.state.rest = frame.state.token; // a finger that leaves has chosen
        frame.choose();
      }
      frame.leave();
    });
    canvas.addEventListener("click", (event) => {
      const token = this.tokenAt(whereClicked(event, this.pressed), direction);
      if (token != null) frame.toggle(token);
    });
    canvas.addEventListener("keydown", (event) => frame.key(event, canvas));
    canvas.addEventListener("blur", () => frame.host.hideTip(frame));
    return canvas;
  }

  /** The picture to which tooltips are measured. */
  get first() {
    return this.canvases[this.frame.state.directions[0]];
  }

  tokenAt(event, direction) {
    const { at, size: cells } = this.frame;
    const { x, y } = placeIn(this.canvases[direction], event);
    const below = y - SIGHT_HEAD;
    if (below < -6 && below > -SIGHT_HEAD) return x > at.size - CLASS_TOKEN_ROOM ? 0 : null;
    const cell = cellWithin([0, SIGHT_HEAD, at.size, at.size], cells, cells, { x, y });
    return cell == null ? null : cell + 1;
  }

  point(event, direction) {
    const { frame } = this;
    const token = this.tokenAt(event, direction);
    if (token == null) {
      frame.leave();
      return;
    }
    frame.go(token);
    const { x, y } = placeIn(this.first, event);
    frame.host.showTip(frame, frame.lines(), x + 16, y + (event.pointerType === "touch" ? -84 : 20));
  }

  /** The tooltip where keys led. */
  tipAtToken(canvas) {
    const { frame } = this;
    if (!frame.weights.values) return;
    const [own, other] = [this.first.getBoundingClientRect(), canvas.getBoundingClientRect()];
    const { size } = frame.at;
    const [x, y, side] = frame.state.token ? frame.sheets.cell(size, frame.state.token) : [size - 22, -30, 18];
    frame.host.showTip(frame, frame.lines(), other.left - own.left + x + side + 10, y + SIGHT_HEAD + side + 8);
  }

  name(sentence) {
    const keys = "Arrow keys move, brackets change the head, Enter pins, Escape lets go.";
    for (const [direction, canvas] of Object.entries(this.canvases)) {
      canvas.setAttribute("aria-label", `${DIRECTIONS[direction].title}. ${sentence}. ${keys}`);
      canvas.tabIndex = canvas === this.first ? 0 : -1;
    }
  }

  arrange() {
    const { at, state } = this.frame;
    this.root.classList.toggle("stacked", at.isStacked);
    for (const [direction, canvas] of Object.entries(this.canvases))
      canvas.hidden = !state.directions.includes(direction);
  }

  /** Canvases of the right size, which empties them. */
  resize(ratio) {
    const { at, state } = this.frame;
    for (const direction of state.directions)
      sized(this.canvases[direction], at.size + 4, SIGHT_HEAD + at.size + SIGHT_FOOT, ratio);
    sized(this.reading, at.reading.width, at.reading.height, ratio);
  }

  paint() {
    const { at, state, sheets } = this.frame;
    for (const direction of state.directions)
      paintSight(scaled(this.canvases[direction], sheets.paint.ratio), sheets, state, at.size, direction);
  }

  paintReading() {
    const { at, state, sheets } = this.frame;
    paintReading(scaled(this.reading, sheets.paint.ratio), sheets, state, at);
  }
}
