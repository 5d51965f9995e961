// One panel on the page: its title, two canvases (what stays, and what moves with the pointer), keys, files.

import { exactPanel, hasRounded } from "./decode.js";
import { element } from "./element.js";
import { links } from "./links.js";
import { hasOrigin, numberOf } from "./origin.js";
import { page } from "./page.js";
import { Paint } from "./paint.js";
import { dashedFrame } from "./strokes.js";
import { TableDialog } from "./table.js";
import { plainText, richNodes, wrapped, write } from "./text.js";

export const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

const HOLD = 350; // milliseconds a finger rests before it brushes
const RESTING = 8; // CSS pixels that a resting finger may tremble

/** Where a click is: browsers cut its coordinates to whole pixels, those of the press that hovering showed they keep. */
export const whereClicked = (click, pressed) =>
  pressed && Math.hypot(click.clientX - pressed.clientX, click.clientY - pressed.clientY) < 2 ? pressed : click;

const ROUNDED =
  "Rounded to travel, in 255 steps a row or map: only digits that are sure are written, the last to within 1, and sums of them accordingly.";

const MENU = { Table: "read as table", PNG: "save as picture (PNG)", CSV: "save as table (CSV)" };

export class PanelFrame {
  constructor(host, kind) {
    this.host = host; // the mounted view: paint, tooltip, live region, picks
    this.kind = kind; // of panels/
    this.hover = null;
    this.dot = element("span", "dot", { "aria-hidden": "true" });
    this.title = element("h3", "title");
    this.menu = element("div", "menu", { role: "toolbar" }); // one stop of the Tab key; arrows go from button to button
    for (const [name, action] of [
      ["Table", () => this.readTable()],
      ["PNG", () => this.savePicture()],
      ["CSV", () => this.saveTable()],
    ]) {
      const button = element("button", "", { type: "button" });
      button.textContent = name;
      button.addEventListener("click", action);
      button.tabIndex = this.menu.children.length ? -1 : 0;
      this.menu.append(button);
    }
    this.base = element("canvas", "base", { "aria-hidden": "true" });
    this.over = element("canvas", "over", { tabindex: "0", role: "application" });
    this.body = element("div", "body", {}, this.base, this.over);
    this.caption = element("p", "caption");
    this.head = element("header", "head", {}, this.dot, this.title, this.menu);
    this.root = element("section", "panel", {}, this.head, this.body, this.caption);
    this.listen();
  }

  listen() {
    this.keepPageStill = (event) => {
      if (this.stroke && event.cancelable) event.preventDefault();
    };
    const moved = (event) => {
      this.pointer = event;
      this.extendStroke(event);
      this.pending ??= requestAnimationFrame(() => {
        this.pending = null;
        if (this.pointer) this.point(this.pointer);
      });
    };
    this.over.addEventListener("pointermove", moved);
    this.over.addEventListener("pointerdown", (event) => {
      this.pressed = event;
      this.beginStroke(event);
      moved(event);
    });
    this.over.addEventListener("pointerup", (event) => this.endStroke(event));
    this.over.addEventListener("pointercancel", () => this.leaveStroke());
    this.over.addEventListener("contextmenu", (event) => {
      if (this.held || this.stroke) event.preventDefault(); // the finger that holds means to brush
    });
    this.over.addEventListener("pointerleave", () => {
      this.pointer = null;
      this.setHover(null);
    });
    this.over.addEventListener("click", (event) => {
      if (this.hasStroked) return;
      const place = whereClicked(event, this.pressed);
      const cell = this.cellAt(place);
      if (cell != null) this.choose(cell, this.placeOf(place), event.shiftKey);
    });
    this.over.addEventListener("keydown", (event) => this.key(event));
    this.over.addEventListener("blur", () => this.setHover(null));
    this.menu.addEventListener("keydown", (event) => this.moveInMenu(event));
  }

  moveInMenu(event) {
    const buttons = [...this.menu.children];
    const next = buttons[buttons.indexOf(event.target) + (ARROWS[event.key]?.[0] ?? 0)];
    if (!next || next === event.target) return;
    event.preventDefault();
    for (const button of buttons) button.tabIndex = button === next ? 0 : -1;
    next.focus();
  }

  /** Show `panel`; the canvas stays, and keeps the focus, when the next panel takes its place. */
  set(panel) {
    this.panel = panel;
    // Only where fingers may brush: where the browser has to ask first, scrolling begins later.
    const listen = panel.brush ? "addEventListener" : "removeEventListener";
    this.over[listen]("touchmove", this.keepPageStill, { passive: false });
    this.hover = null;
    this.drawn = null;
    this.title.replaceChildren(...richNodes(panel.title));
    this.root.dataset.kind = panel.kind;
    if (panel.tensors?.length) this.root.dataset.link = panel.tensors.join(" ");
    else delete this.root.dataset.link;
    this.root.style.flexGrow = panel.weight;
    this.caption.replaceChildren(...richNodes(panel.caption));
    this.caption.hidden = !panel.caption;
    this.menu.setAttribute("aria-label", plainText(panel.title));
    for (const button of this.menu.children) {
      button.setAttribute(
        "aria-label",
        `${plainText(panel.title)}: ${MENU[button.textContent]}`,
      );
    }
  }

  measure() {
    this.at = this.kind.layout(this.panel, this.body.clientWidth, this.host.paint);
    this.body.style.height = `${Math.ceil(this.at.height)}px`;
    this.reserveCaption();
  }

  /** Room for the caption with its longest numbers and names, so that other values move nothing below it. */
  reserveCaption() {
    if (this.caption.hidden) return;
    const style = getComputedStyle(this.caption);
    const font = `${style.fontWeight} ${style.fontSize} ${style.fontFamily}`;
    const longest = this.panel.caption
      .replaceAll("the class token", "the patch in row 2, column 2")
      .replace(/−?\d[\d.,]*( · 10[⁻⁰-⁹]+)?/g, (number) => (number.length > 7 ? number : number.includes(".") ? "−0.0000" : number.padEnd(2, "0")));
    const width = Math.min(this.caption.clientWidth, parseFloat(style.maxWidth) || Infinity);
    const lines = wrapped(longest, width, font).length;
    this.caption.style.minHeight = `${lines * parseFloat(style.lineHeight)}px`;
  }

  draw() {
    const { paint } = this.host;
    const width = this.body.clientWidth;
    const height = Math.ceil(this.at.height);
    const ctx = sized(this.base, width, height, paint.ratio);
    sized(this.over, width, height, paint.ratio);
    this.dot.style.background = paint.colour(this.panel.quantity);
    this.kind.draw(ctx, this.panel, this.at, paint);
    this.drawMarks();
    this.name();
  }

  drawMarks() {
    const ctx = this.over.getContext("2d");
    const { paint } = this.host;
    ctx.setTransform(paint.ratio, 0, 0, paint.ratio, 0, 0);
    ctx.clearRect(0, 0, this.over.width, this.over.height);
    this.kind.mark(ctx, this.panel, this.at, paint, this.hover);
    for (const cell of this.stroke?.cells ?? []) dashedFrame(ctx, ...this.kind.cell(this.panel, this.at, cell));
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
    const box = this.over.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  }

  point(event) {
    const cell = this.cellAt(event);
    this.setHover(cell);
    if (cell == null) return;
    const number = this.number(cell, this.placeOf(event));
    this.over.style.cursor = (number && this.explainsByClick) || (this.canPick() && this.kind.pick(this.panel, cell, this.at)) ? "pointer" : "default";
    const box = this.over.getBoundingClientRect();
    const below = this.kind.below?.(this.panel, this.at, cell); // where the pointer's place would hide the neighbours
    const [x, y] = below ?? [event.clientX - box.left + 14, event.clientY - box.top + 16];
    const way = this.explainsByClick ? "click" : event.pointerType === "touch" ? "" : "N, or click with Shift";
    const hint = number && way ? [{ text: `${way}: how it was computed`, isHint: true }] : [];
    this.host.showTip(this, [...this.lines(cell), ...hint], x, y);
  }

  /** Whether a click explains, too: not where it changes the forward pass, or opens a page. */
  get explainsByClick() {
    return !this.panel.brush && !this.panel.crossed && !this.kind.opensPages;
  }

  /** A stroke over patches, where the panel asks for one. A finger has to rest first: one that moves on scrolls. */
  beginStroke(event) {
    this.hasStroked = false;
    if (this.held || this.stroke) this.leaveStroke(); // a second finger: they pinch
    const cell = this.panel.brush && !event.button && event.isPrimary ? this.cellAt(event) : null;
    if (!(cell > 0)) return;
    const begin = () => {
      this.held = null;
      this.stroke = { cells: [cell], x: event.clientX, y: event.clientY, pointer: event.pointerId };
      this.drawMarks();
    };
    if (event.pointerType !== "touch") {
      this.over.setPointerCapture(event.pointerId);
      begin();
    } else if (this.canPick()) {
      const timer = setTimeout(() => {
        begin();
        navigator.vibrate?.(15);
      }, HOLD);
      this.held = { timer, x: event.clientX, y: event.clientY };
    }
  }

  /** Neither a stroke nor what would have become one. */
  leaveStroke() {
    clearTimeout(this.held?.timer);
    this.held = this.stroke = null;
    if (this.at) this.drawMarks();
  }

  /** Every patch between the last place and this one: a quick hand leaves none out. */
  extendStroke(event) {
    if (this.held && Math.hypot(event.clientX - this.held.x, event.clientY - this.held.y) > RESTING) this.leaveStroke();
    if (this.stroke?.pointer !== event.pointerId) return;
    const { cells, x, y } = this.stroke;
    const steps = Math.ceil(Math.hypot(event.clientX - x, event.clientY - y) / 4);
    for (let i = 1; i <= steps; i++) {
      const share = i / steps;
      const clientX = x + (event.clientX - x) * share;
      const cell = this.cellAt({ clientX, clientY: y + (event.clientY - y) * share });
      if (cell > 0 && !cells.includes(cell)) cells.push(cell);
    }
    Object.assign(this.stroke, { x: event.clientX, y: event.clientY });
    this.drawMarks();
  }

  endStroke(event) {
    if (this.held) this.leaveStroke(); // a tap
    if (this.stroke?.pointer !== event.pointerId) return;
    const { cells } = this.stroke;
    this.stroke = null;
    this.hasStroked = true; // the click that follows says nothing more
    this.host.choose({ [this.panel.brush]: cells.join() });
  }

  setHover(cell) {
    if (cell == null) this.host.hideTip(this);
    if (cell === this.hover || !this.at) return;
    this.hover = cell;
    if (this.kind.tensors) links.pointInside(this.body, cell == null ? [] : this.kind.tensors(this.panel, cell, this.at));
    this.drawMarks();
  }

  choose(cell, place, isAsking = false) {
    const number = isAsking || this.explainsByClick ? this.number(cell, place) : null; // a click explains the value, too
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
    let cell = null;
    if (ARROWS[event.key]) {
      cell = start == null ? this.first() : this.kind.move(this.panel, this.at, start, ...ARROWS[event.key], event.shiftKey);
    } else if ((event.key === "Enter" || event.key === " ") && start != null) {
      event.preventDefault();
      this.choose(start);
      return;
    } else if (event.key.toLowerCase() === "n" && !event.ctrlKey && !event.metaKey && !event.altKey) {
      const cell = start ?? (this.hasNumbers() ? this.first() : null);
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
    const canvas = document.createElement("canvas");
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
      write(ctx, line, 0, at.height + 14 + 20 * i, { font: paint.font(13), colour: paint.theme.muted }),
    );
    return canvas;
  }

  /** The panel's title between what the page says of itself: "attention-q-layer-3-head-1". */
  fileName() {
    const { before = "", after = "" } = this.host.options.fileName?.() ?? {};
    return slug([before, plainText(this.panel.title), after].join(" "));
  }

  savePicture() {
    this.picture().toBlob((blob) => save(blob, `${this.fileName()}.png`), "image/png");
  }

  /** The panel as a table prints it: with the model's own values, if they can be had, and whether they could. */
  async printed() {
    const shown = this.kind.printed?.(this.panel) ?? this.panel;
    const { token } = shown.live ?? shown;
    const panel = await exactPanel(shown, this.host.options.loadExact, token).catch(() => shown);
    return { lines: this.kind.table(panel), isRounded: hasRounded(panel) };
  }

  async readTable() {
    const { lines, isRounded } = await this.printed();
    this.host.table ??= new TableDialog(this.host.root);
    this.host.table.show(this.panel.title, this.panel.caption || this.panel.title, lines, isRounded ? ROUNDED : "");
  }

  async saveTable() {
    const { lines, isRounded } = await this.printed();
    if (isRounded) lines[0][0] += " (rounded: the last digit may be off by 1)";
    const quoted = (value) =>
      /[",\n]/.test(String(value)) ? `"${String(value).replaceAll('"', '""')}"` : String(value);
    const text = lines
      .map((row) => row.map((value) => quoted(plainText(value))).join(","))
      .join("\n");
    save(new Blob([`${text}\n`], { type: "text/csv;charset=utf-8" }), `${this.fileName()}.csv`);
  }
}

/** A cleared context in CSS pixels on a canvas of device pixels. */
export function sized(canvas, width, height, ratio) {
  canvas.width = Math.max(1, Math.round(width * ratio));
  canvas.height = Math.max(1, Math.round(height * ratio));
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  const ctx = canvas.getContext("2d");
  ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
  return ctx;
}

/** A file name in ASCII: letters as they are spelled (z₀ is z0), everything else a hyphen. */
const slug = (text) =>
  text
    .normalize("NFKD")
    .replace(/\p{M}/gu, "")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-|-$/g, "") || "panel";

function save(blob, name) {
  const link = element("a", "", { download: name });
  link.href = URL.createObjectURL(blob);
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}
