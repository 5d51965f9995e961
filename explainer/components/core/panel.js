// One panel on the page: two canvases, what stays and what moves with the pointer; the pointer and the keys.

import { Brush } from "./brush.js";
import { element } from "../drawing/element.js";
import { scaled, sized } from "../drawing/images.js";
import { ARROWS, asksForNumber, placeIn, whereClicked } from "./input.js";
import { links } from "./links.js";
import { hasOrigin, numberOf } from "./origin.js";
import { page } from "./page.js";
import { Paint } from "../drawing/paint.js";
import { Shell } from "./shell.js";
import { dashedFrame } from "../drawing/strokes.js";
import { plainText, wrapped, write } from "../drawing/text.js";

export class PanelFrame {
  constructor(host, kind) {
    this.host = host; // the mounted view: paint, tooltip, live region, picks
    this.kind = kind; // of panels/
    this.hover = null;
    this.shell = new Shell(this);
    this.root = this.shell.root;
    this.head = this.shell.head;
    this.body = this.shell.body;
    this.base = element("canvas", "base", { "aria-hidden": "true" });
    this.over = element("canvas", "over", { tabindex: "0", role: "application" });
    this.body.append(this.base, this.over);
    this.brush = new Brush(this);
    this.listen();
  }

  listen() {
    const moved = (event) => {
      this.pointer = event;
      this.brush.extend(event);
      this.pending ??= requestAnimationFrame(() => {
        this.pending = null;
        if (this.pointer) this.point(this.pointer);
      });
    };
    this.over.addEventListener("pointermove", moved);
    this.over.addEventListener("pointerdown", (event) => {
      this.pressed = event;
      this.brush.begin(event);
      moved(event);
    });
    this.over.addEventListener("pointerleave", () => {
      this.pointer = null;
      this.setHover(null);
    });
    this.over.addEventListener("click", (event) => {
      if (this.brush.hasStroked) return;
      const place = whereClicked(event, this.pressed);
      const cell = this.cellAt(place);
      if (cell != null) this.choose(cell, this.placeOf(place), event.shiftKey);
    });
    this.over.addEventListener("keydown", (event) => this.key(event));
    this.over.addEventListener("blur", () => this.setHover(null));
  }

  /** Show `panel`; the canvas stays, and keeps the focus, when the next panel takes its place. */
  set(panel) {
    this.panel = panel;
    this.brush.allow(panel.brush);
    this.hover = null;
    this.shell.show(panel);
  }

  measure() {
    this.at = this.kind.layout(this.panel, this.body.clientWidth, this.host.paint);
    this.body.style.height = `${Math.ceil(this.at.height)}px`;
    this.shell.reserveCaption();
  }

  draw() {
    const { paint } = this.host;
    const width = this.body.clientWidth;
    const height = Math.ceil(this.at.height);
    const ctx = sized(this.base, width, height, paint.ratio);
    sized(this.over, width, height, paint.ratio);
    this.shell.dot.style.background = paint.colour(this.panel.quantity);
    this.kind.draw(ctx, this.panel, this.at, paint);
    this.drawMarks();
    this.name();
  }

  drawMarks() {
    const { paint } = this.host;
    const ctx = scaled(this.over, paint.ratio);
    ctx.clearRect(0, 0, this.over.width, this.over.height);
    this.kind.mark(ctx, this.panel, this.at, paint, this.hover);
    for (const cell of this.brush.cells) dashedFrame(ctx, ...this.kind.cell(this.panel, this.at, cell));
  }

  name() {
    const chosen = this.kind.chosen(this.panel, this.at);
    const words = chosen == null ? "" : ` Chosen: ${this.spoken(this.lines(chosen))}.`;
    const keys = this.kind.keys?.(this.panel) ?? "Arrow keys read the values.";
    const picks = !this.canPick() ? "" : this.kind.opensPages ? "Enter opens." : "Enter chooses.";
    const explains = this.hasNumbers() ? " N explains a value." : "";
    this.over.setAttribute("aria-label", `${plainText(this.panel.title)}.${words} ${keys} ${picks}${explains}`.trim());
  }

  spoken(lines) {
    return lines.map((line) => plainText(line.text)).join(", ");
  }

  canPick() {
    if (!this.host.options.onPick && !this.host.reel) return false;
    return Boolean(this.kind.canPick?.(this.panel));
  }

  lines(cell) {
    return this.kind
      .describe(this.panel, cell, this.host.paint, this.at)
      .map((line) => (typeof line === "string" ? { text: line } : line));
  }

  cellAt(event) {
    const { x, y } = this.placeOf(event);
    return this.kind.hit(this.panel, this.at, x, y);
  }

  placeOf(event) {
    return placeIn(this.over, event);
  }

  point(event) {
    const cell = this.cellAt(event);
    this.setHover(cell);
    if (cell == null) return;
    const number = this.number(cell, this.placeOf(event));
    const picks = this.canPick() && this.kind.pick(this.panel, cell, this.at);
    this.over.style.cursor = picks || (number && this.explainsByClick) ? "pointer" : "default";
    const place = this.placeOf(event);
    const below = this.kind.below?.(this.panel, this.at, cell); // where the pointer's place would hide the neighbours
    const [x, y] = below ?? [place.x + 14, place.y + 16];
    const way = this.explainsByClick ? "click" : event.pointerType === "touch" ? "" : "N, or click with Shift";
    const hint = number && way ? [{ text: `${way}: how it was computed`, isHint: true }] : [];
    this.host.showTip(this, [...this.lines(cell), ...hint], x, y);
  }

  /** Whether a click explains, too: not where it changes the forward pass, or opens a page. */
  get explainsByClick() {
    return !this.panel.brush && !this.panel.crossed && !this.kind.opensPages;
  }

  setHover(cell) {
    if (cell == null) this.host.hideTip(this);
    if (cell === this.hover || !this.at) return;
    this.hover = cell;
    const tensors = cell == null ? [] : this.kind.tensors?.(this.panel, cell, this.at);
    if (this.kind.tensors) links.pointInside(this.body, tensors);
    this.drawMarks();
  }

  choose(cell, place, isAsking = false) {
    // A click explains the value, too.
    const number = isAsking || this.explainsByClick ? this.number(cell, place) : null;
    const pick = number && isAsking && !this.explainsByClick ? null : this.kind.pick(this.panel, cell, this.at);
    if (pick && Object.keys(pick).length) this.host.choose(number ? { ...pick, number } : pick);
    else if (number) this.host.choose({ number });
  }

  /** The name of the number in a cell, if this view explains its numbers. */
  number(cell, pointer) {
    return this.host.options.onPick ? numberOf(this.host.view, this.kind, this.panel, cell, this.at, pointer) : null;
  }

  hasNumbers() {
    return this.host.options.onPick && this.host.view.explains != null && hasOrigin(this.panel);
  }

  key(event) {
    const start = this.hover ?? this.kind.chosen(this.panel, this.at);
    let cell;
    if (ARROWS[event.key]) {
      const [right, down] = ARROWS[event.key];
      cell = start == null ? this.first() : this.kind.move(this.panel, this.at, start, right, down, event.shiftKey);
    } else if ((event.key === "Enter" || event.key === " ") && start != null) {
      event.preventDefault();
      this.choose(start);
      return;
    } else if (asksForNumber(event)) {
      cell = start ?? (this.hasNumbers() ? this.first() : null);
      this.turn = this.turned === cell ? this.turn + 1 : 0; // asked again, the next of several lines
      this.turned = cell;
      const number = this.number(cell, this.pointer ? this.placeOf(this.pointer) : { turn: this.turn });
      if (!number) return;
      event.preventDefault();
      page.asker = this.over;
      this.host.choose({ number });
      return;
    } else if (event.key === "Escape") {
      this.setHover(null);
      return;
    } else return;
    event.preventDefault();
    this.setHover(cell);
    const lines = this.lines(cell);
    const place = this.kind.anchor(this.panel, this.at, cell);
    const hint = this.number(cell) ? [{ text: "N: how it was computed", isHint: true }] : [];
    if (place) this.host.showTip(this, [...lines, ...hint], place[0] + 10, place[1] + 4);
    this.host.say(this.spoken(lines));
  }

  first() {
    return this.kind.first?.(this.panel, this.at) ?? 0;
  }

  /** The panel with its title and caption on the page's background, at twice its size. */
  picture() {
    const [ratio, margin, width] = [2, 24, this.body.clientWidth];
    const paint = new Paint(this.host.paint.theme, this.host.view, ratio);
    const at = this.kind.layout(this.panel, width, paint);
    const captions = wrapped(this.panel.caption, width, paint.font(13));
    const canvas = element("canvas");
    const ctx = sized(canvas, width + 2 * margin, at.height + 2 * margin + 34 + captions.length * 20, ratio);
    ctx.fillStyle = paint.theme.background;
    ctx.fillRect(0, 0, canvas.width, canvas.height);
    ctx.translate(margin, margin);
    ctx.fillStyle = paint.colour(this.panel.quantity);
    ctx.beginPath();
    ctx.arc(6, 10, 5, 0, 2 * Math.PI);
    ctx.fill();
    write(ctx, this.panel.title, 20, 10.5, { font: paint.font(16, 600), colour: paint.theme.text, width: width - 20 });
    ctx.translate(0, 34);
    this.kind.draw(ctx, this.panel, at, paint);
    this.kind.mark(ctx, this.panel, at, paint, null);
    captions.forEach((line, i) =>
      write(ctx, line, 0, at.height + 14 + 20 * i, paint.muted(13)),
    );
    return canvas;
  }
}
