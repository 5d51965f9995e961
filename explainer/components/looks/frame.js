// The picture under the pointer (class Looks in explainer/panels.py): where each token looks, who looks at it, pins.
//
// Nothing here asks the server while the pointer moves: all weights of the layer are in the browser. A move paints the
// pictures in the same frame; the maps of all heads follow in the next one, and moves that came in between are dropped.

import { element } from "../core/element.js";
import { sized } from "../core/images.js";
import { ARROWS, whereClicked } from "../core/input.js";
import { clamp, exactText, shortText, sureText, valueText } from "../core/numbers.js";
import { page } from "../core/page.js";
import { Paint, colourOf, inkOn } from "../core/paint.js";
import { PanelFrame } from "../core/panel.js";
import { write } from "../core/text.js";
import {
  CLASS_TOKEN_ROOM,
  DIRECTIONS,
  LETTERS,
  LooksPainter,
  MAP_LABEL,
  SIGHT_FOOT,
  SIGHT_HEAD,
  largestOnPatches,
  strongest,
} from "./painter.js";

// What the address does not say while other pages are open. A page that is loaded anew has its address alone: whoever
// opens a link sees what its sender saw.
const kept = { look: "", pins: { count: 0, tokens: [] } };
const CHOOSES_AFTER = 250; // milliseconds after the last of several keys
const SLOW = 7; // milliseconds for all that follows a move, from which on it waits until the pointer rests
const MOST_WAITS = 6; // frames

/** Buttons of which one is chosen. */
class Choice {
  constructor(label, onChoose) {
    this.onChoose = onChoose;
    this.group = element("div", "segment", { role: "radiogroup", "aria-label": label });
    this.root = element("div", "choice", {}, element("span", "name", { "aria-hidden": "true" }, label), this.group);
    this.group.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 }[event.key];
      if (!step) return;
      event.preventDefault();
      const at = this.options.findIndex(([value]) => value === this.value);
      const [value] = this.options[(at + step + this.options.length) % this.options.length];
      onChoose(value);
      this.buttons.get(value)?.focus();
    });
  }

  offer(options) {
    if (JSON.stringify(options) === JSON.stringify(this.options)) return;
    this.options = options; // [value, text, what it means]
    this.buttons = new Map();
    for (const [value, text, title] of options) {
      const button = element("button", "", { type: "button", role: "radio", title: title ?? "" });
      if (title) button.setAttribute("aria-label", title);
      button.textContent = text;
      button.addEventListener("click", () => this.onChoose(value));
      this.buttons.set(value, button);
    }
    this.group.replaceChildren(...this.buttons.values());
    this.root.hidden = options.length < 2;
  }

  show(value) {
    this.value = value;
    for (const [each, button] of this.buttons) {
      button.setAttribute("aria-checked", String(each === value));
      button.tabIndex = each === value ? 0 : -1;
    }
  }
}

class LooksFrame extends PanelFrame {
  constructor(host, kind) {
    super(host, kind);
    this.takeLook(this.host.options.recall?.("look") ?? kept.look);
    this.pins = []; // {token, letter, colour, values}
    this.cost = 0;
    this.build();
    const address = globalThis.location?.pathname;
    addEventListener("popstate", () => {
      if (this.root.isConnected && this.panel && location.pathname === address) this.goBack();
    });
  }

  /** What the panel shows and how, as words of the address: only what is not as it is at first. */
  get look() {
    const words = [
      this.direction !== "both" && this.direction,
      this.scale === "shared" && "shared",
      this.show === "light" && "light",
      !this.showsAll && "chosen",
      this.likesMean && "mean",
    ];
    return words.filter(Boolean).join(".");
  }

  takeLook(text) {
    const words = new Set((text ?? "").split("."));
    this.direction = ["row", "column"].find((word) => words.has(word)) ?? "both";
    this.scale = words.has("shared") ? "shared" : "own";
    this.show = words.has("light") ? "light" : "heat";
    this.showsAll = !words.has("chosen");
    this.likesMean = words.has("mean");
  }

  /** The reader went back to another address of this page: what only the browser knows of it is as it was there. */
  goBack() {
    this.takeLook(this.host.options.recall?.("look"));
    this.ofHead = this.likesMean ? 0 : this.ofHead || this.panel.head;
    this.pins = [];
    this.pinAll(this.host.options.recall?.("pins"));
    this.pinsChanged();
  }

  listen() {} // its own canvases listen

  // --- what is on the page

  build() {
    this.choices = {
      ofHead: new Choice("Head", (ofHead) => this.change({ ofHead })),
      layer: new Choice("Layer", (layer) => this.change({ layer })),
      direction: new Choice("Show", (direction) => this.change({ direction })),
      scale: new Choice("Scale", (scale) => this.change({ scale })),
      show: new Choice("As", (show) => this.change({ show })),
      showsAll: new Choice("Heads", (showsAll) => this.change({ showsAll })),
    };
    this.choices.direction.offer([
      ["row", "looks at", "Where the token looks: its row of A"],
      ["column", "looked at by", "Who looks at the token: its column of A"],
      ["both", "both", "Row and column of A beside each other"],
    ]);
    this.choices.scale.offer([
      ["own", "each map", "Every map has its own scale"],
      ["shared", "one for all", "One scale for all maps"],
    ]);
    this.choices.show.offer([
      ["heat", "colour", "Weights as colours"],
      ["light", "light", "Weights as light on the picture"],
    ]);
    this.choices.showsAll.offer([
      [true, "all", "All heads of the layer below"],
      [false, "chosen", "The chosen head alone"],
    ]);
    this.classButton = element("button", "token", { type: "button" }, element("i", "square"), "class token");
    this.classButton.addEventListener("pointerenter", () => this.go(0));
    this.classButton.addEventListener("pointerleave", () => this.leave());
    this.classButton.addEventListener("focus", () => this.go(0));
    this.classButton.addEventListener("click", () => this.toggle(0));
    const roots = (...names) => names.map((name) => this.choices[name].root);
    const what = element("div", "tools", {}, ...roots("ofHead", "layer"), this.classButton);
    const how = element("div", "tools how", {}, ...roots("direction", "scale", "show", "showsAll"));

    this.sights = { row: this.sight("row"), column: this.sight("column") };
    this.over = this.sights.row;
    this.readingCanvas = element("canvas", "reading", { "aria-hidden": "true" });
    this.stage = element("div", "stage", {}, this.sights.row, this.sights.column, this.readingCanvas);
    this.ask = element("button", "ask", { type: "button" }, "How was this weight computed?");
    this.ask.hidden = true;
    this.ask.addEventListener("click", () => this.explainWeight(this.ask));
    this.hint = element("p", "hint");
    this.pinList = element("div", "pins", { role: "group", "aria-label": "Pinned tokens" });
    this.mapsTitle = element("p", "subtitle", {}, element("span"), element("small"));
    this.mapsCanvas = this.tiles(() => ({ token: this.token, values: this.values, pin: this.pinOf(this.token) }));
    this.pinned = element("div", "pinned");
    this.follow = element("div", "follow");
    this.followText = element("span");
    this.followButton = element("button", "", { type: "button" });
    this.followButton.addEventListener("click", () =>
      this.host.choose({ token: this.token, head: this.ofHead || this.panel.head, layer: this.layer }),
    );
    this.follow.append(this.followText, ...(this.host.options.isFollowed ? [] : [this.followButton]));
    this.body.classList.add("looks");
    this.body.replaceChildren(
      what,
      how,
      this.pinList,
      this.stage,
      this.ask,
      this.hint,
      this.mapsTitle,
      this.mapsCanvas,
      this.pinned,
      this.follow,
    );
  }

  /** A picture that follows the pointer, a finger or keys. */
  sight(direction) {
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
        this.rest = this.token; // a finger that leaves has chosen
        this.choose();
      }
      this.leave();
    });
    canvas.addEventListener("click", (event) => {
      const token = this.tokenAt(whereClicked(event, this.pressed), direction);
      if (token != null) this.toggle(token);
    });
    canvas.addEventListener("keydown", (event) => this.key(event, canvas));
    canvas.addEventListener("blur", () => this.host.hideTip(this));
    return canvas;
  }

  /** A canvas of the maps of all heads, for what `entry` returns: hovering tells a value, a click chooses the head. */
  tiles(entry) {
    const canvas = element("canvas", "maps", { role: "img" });
    canvas.entry = entry;
    canvas.addEventListener("pointermove", (event) => this.tellTile(event, canvas));
    canvas.addEventListener("pointerdown", (event) => (this.pressed = event));
    canvas.addEventListener("pointerleave", () => this.host.hideTip(this));
    canvas.addEventListener("click", (event) => {
      const tile = this.tileAt(whereClicked(event, this.pressed), canvas);
      if (tile) this.change({ ofHead: tile.head + 1 });
      const number = this.weightAt(tile, canvas.entry().token);
      if (number) this.host.choose({ number });
    });
    return canvas;
  }

  // --- what is chosen

  set(panel) {
    const before = this.panel;
    super.set(panel);
    this.roots = panel.weights;
    this.heads = this.roots.heads;
    this.tokens = this.roots.tokens;
    this.maps = new Map();
    const isNew = (name) => !before || before[name] !== panel[name];
    const isSame = before && before.weights.tokens === this.tokens;
    // While a choice waits to be told, the answer to one before it must not undo it.
    const isNewer = (name) => isNew(name) && !this.choosing;
    if (isNewer("head")) this.ofHead = !before && this.likesMean ? 0 : panel.head;
    if (this.ofHead > this.heads) this.ofHead = panel.head;
    this.likesMean = this.ofHead === 0;
    if (isNewer("layer") || !panel.layers.includes(this.layer)) this.layer = panel.layer;
    if (isNewer("token") || !isSame) this.rest = panel.token;
    if (!isSame || this.token === undefined) this.token = this.rest;
    if (isNewer("token") && !this.pointer) this.token = this.rest;
    if (!isSame) this.pins = [];
    if (!isSame) this.recallPins();
    for (const pin of this.pins) pin.values = null;
    this.choices.ofHead.offer([
      [0, "mean", "Mean of all heads"],
      ...Array.from({ length: this.heads }, (_, i) => [i + 1, String(i + 1), `Head ${i + 1}`]),
    ]);
    this.choices.layer.offer(panel.layers.map((layer) => [layer, String(layer), `Layer ${layer}`]));
    this.hint.textContent = matchMedia("(any-pointer: coarse)").matches && !matchMedia("(any-hover: hover)").matches
      ? "Draw a finger over the picture; a tap pins a patch, another tap on it lets it go."
      : "A click pins a patch, another lets it go. Keys: arrows move, [ and ] change the head, { and } the layer, " +
        `Enter pins, Escape lets go${this.host.view.explains == null ? "" : ", N explains the weight that is read out"}.`;
    this.read();
    this.remember();
    clearTimeout(this.reminding);
    this.reminding = setTimeout(() => this.root.isConnected && this.remember(), 700); // the app may have written its own
  }

  get directions() {
    return this.direction === "both" ? ["row", "column"] : [this.direction];
  }

  pinOf(token) {
    return this.pins.find((pin) => pin.token === token);
  }

  /** Change head, layer, direction, scale or show, and draw anew what depends on it. */
  change(choice) {
    const moves = ["direction", "showsAll"].some((name) => name in choice);
    Object.assign(this, choice);
    if ("ofHead" in choice) this.likesMean = this.ofHead === 0;
    this.remember();
    if (this.ofHead) this.choose();
    if ("layer" in choice) for (const pin of this.pins) pin.values = null;
    this.read();
    if (moves) this.measure();
    this.draw();
    this.host.say(this.sentence());
  }

  /** The token under the pointer, or where keys led. */
  go(token) {
    if (token === this.token) return;
    this.token = token;
    this.read();
    this.paintSights();
    this.later();
  }

  /** Layer, head and token that are chosen here are chosen for the whole page, once the keys rest. */
  choose() {
    if (!this.host.options.isFollowed) return;
    clearTimeout(this.choosing);
    this.choosing = setTimeout(() => {
      this.choosing = null;
      const [chosen, { panel }] = [{ layer: this.layer, head: this.ofHead || this.panel.head, token: this.rest }, this];
      const isNews = Object.entries(chosen).some(([name, value]) => value !== panel[name]);
      if (isNews && this.root.isConnected) this.host.choose(chosen);
    }, CHOOSES_AFTER);
  }

  /** Back to the token that was chosen last. */
  leave() {
    this.host.hideTip(this);
    this.go(this.rest);
  }

  toggle(token) {
    const pinned = this.pinOf(token);
    if (pinned) {
      this.unpin(pinned);
      return;
    }
    if (this.pins.length === LETTERS.length) {
      this.host.say(`${LETTERS.length} pins are the most: let one go first.`);
      return;
    }
    this.pin(token);
    this.rest = token;
    this.go(token);
    this.pinsChanged();
    this.choose();
    this.host.say(`Pinned as ${this.pinOf(token).letter}: ${this.sentence()}`);
  }

  pin(token) {
    const slot = [...LETTERS].findIndex((letter) => !this.pins.some((pin) => pin.letter === letter));
    this.pins.push({ token, letter: LETTERS[slot], colour: this.host.view.palette.pins[slot], values: null });
  }

  unpin(pin) {
    this.pins = this.pins.filter((each) => each !== pin);
    this.pinsChanged();
    this.host.say(`${pin.letter} is no longer pinned.`);
  }

  pinsChanged() {
    this.remember();
    this.read();
    this.measure();
    this.draw();
  }

  /** Put what only the browser knows into the address, and keep it for when the reader comes back from another page. */
  remember() {
    kept.look = this.look;
    kept.pins = { count: this.tokens, tokens: this.pins.map((pin) => pin.token) };
    this.host.options.remember?.("look", kept.look);
    this.host.options.remember?.("pins", kept.pins.tokens.join("."));
  }

  /** The pins of the address, or those before the reader went to another page. */
  recallPins() {
    this.pinAll(this.host.options.recall?.("pins") ?? (kept.pins.count === this.tokens ? kept.pins.tokens.join(".") : ""));
  }

  pinAll(text) {
    for (const token of new Set(text ? text.split(".").map(Number) : []))
      if (Number.isInteger(token) && token >= 0 && token < this.tokens && this.pins.length < LETTERS.length)
        this.pin(token);
  }

  // --- the numbers

  get firstMap() {
    return this.panel.layers.indexOf(this.layer) * this.heads;
  }

  /** The row and column of a token: of the chosen head or the mean, and of all heads below each other. */
  weightsOf(token, into = {}) {
    if (!this.roots.has(token)) return null;
    for (const direction of ["row", "column"]) {
      const { heads, tokens } = this;
      const values = (into[direction] ??= { heads: new Float32Array(heads * tokens), mean: new Float32Array(tokens) });
      for (let head = 0; head < heads; head++)
        this.roots[direction](this.firstMap + head, token, values.heads, head * tokens);
      if (this.ofHead) {
        values.chosen = values.heads.subarray((this.ofHead - 1) * tokens, this.ofHead * tokens);
        continue;
      }
      values.mean.fill(0);
      for (let i = 0; i < heads * tokens; i++) values.mean[i % tokens] += values.heads[i] / heads;
      values.chosen = values.mean;
    }
    return into;
  }

  /** What the token under the pointer has, now or when it has been fetched. */
  read() {
    if (this.roots.has(this.token)) {
      this.own = this.weightsOf(this.token, this.own?.row.mean.length === this.tokens && this.own.row.heads.length === this.heads * this.tokens ? this.own : {});
      this.values = this.own;
    } else {
      this.values = null;
      this.fetch(this.token);
    }
    for (const pin of this.pins) {
      if (pin.values && pin.ofHead === this.ofHead) continue;
      pin.values = this.weightsOf(pin.token, pin.values ?? {});
      pin.ofHead = this.ofHead;
      if (!pin.values) this.fetch(pin.token);
    }
    this.common = this.scale === "shared" ? this.largest() : 0;
    this.root.dataset.token = this.token;
    this.panel.live = { token: this.token, layer: this.layer };
  }

  fetch(token) {
    this.roots.fetch(token, this.host.options.load).then(
      (wasFetched) => {
        if (!wasFetched || (token !== this.token && !this.pinOf(token))) return;
        this.read();
        this.draw();
      },
      () => this.host.explain("These weights could not be loaded. Check the connection, then load the page again."),
    );
  }

  /** The largest weight on a patch in all maps that are shown. */
  largest() {
    const entries = [this.values, ...this.pins.map((pin) => pin.values)].filter(Boolean);
    let largest = 0;
    for (const entry of entries) {
      for (const direction of this.directions) {
        const { heads, chosen } = entry[direction];
        largest = Math.max(largest, largestOnPatches(chosen, 0, this.tokens));
        for (let head = 0; head < this.heads && this.showsAll; head++)
          largest = Math.max(largest, largestOnPatches(heads, head * this.tokens, this.tokens));
      }
    }
    return largest;
  }

  /** Where the scale of a map ends. */
  high(data, start) {
    return this.scale === "shared" ? this.common : largestOnPatches(data, start, this.tokens);
  }

  /** All of A in the chosen head, or the mean of all. */
  wholeMap() {
    const all = new Float32Array(this.tokens ** 2);
    const row = new Float32Array(this.tokens);
    const heads = this.ofHead ? [this.ofHead - 1] : Array.from({ length: this.heads }, (_, head) => head);
    for (const head of heads) {
      for (let token = 0; token < this.tokens; token++) {
        this.roots.row(this.firstMap + head, token, row);
        for (let i = 0; i < this.tokens; i++) all[token * this.tokens + i] += row[i] / heads.length;
      }
    }
    return all;
  }

  /** How far a weight that `query` gives in the chosen head, or on average, may be off. */
  uncertainty(value, query) {
    if (this.ofHead) return this.roots.uncertainty(this.firstMap + this.ofHead - 1, query, value);
    let sum = 0;
    for (let head = 0; head < this.heads; head++) sum += this.roots.uncertainty(this.firstMap + head, query, value);
    return sum / this.heads;
  }

  /** A weight with how far it may be off. */
  weightText(value, query) {
    return valueText(value, this.uncertainty(value, query));
  }

  /** A weight with the digits that are sure. */
  shortWeight(value, query) {
    return sureText(value, this.uncertainty(value, query));
  }

  // --- words

  partner(direction) {
    const values = this.values[direction].chosen;
    const [best] = strongest(values, 0, this.tokens, 1);
    return { best, text: this.weightText(values[best], direction === "row" ? this.token : best) };
  }

  /** The token, its strongest partners, and what the pins have to do with it. */
  tipLines() {
    const name = (token) => this.painter.placeText(token);
    const lines = this.directions.map((direction) => {
      const { best, text } = this.partner(direction);
      return { text: direction === "row" ? `${text} → ${name(best)}` : `${text} ← ${name(best)}` };
    });
    const others = this.pins.filter((pin) => pin.token !== this.token && pin.values);
    for (const pin of others) {
      const gets = this.shortWeight(pin.values.row.chosen[this.token], pin.token);
      const gives = this.shortWeight(pin.values.column.chosen[this.token], this.token);
      const row = `${pin.letter} → here ${gets}`;
      const text = { row, column: `here → ${pin.letter} ${gives}`, both: `${row}, back ${gives}` }[this.direction];
      lines.push({ text, colour: pin.colour });
    }
    return [...lines, { text: `${name(this.token)} · ${this.headText()}` }];
  }

  headText() {
    return this.ofHead ? `head ${this.ofHead}` : "mean of all heads";
  }

  sentence() {
    const name = (token) => (token ? `patch ${this.painter.placeText(token)}` : "class token");
    const subject = `${name(this.token)}, ${this.headText()}, layer ${this.layer}`;
    if (!this.values) return `${subject}: being fetched`;
    const parts = this.directions.map((direction) => {
      const { best, text } = this.partner(direction);
      return `${DIRECTIONS[direction].most} ${name(best)}, weight ${text}`;
    });
    return `${subject}: ${parts.join("; ")}`;
  }

  name() {
    const keys = "Arrow keys move, brackets change the head, Enter pins, Escape lets go.";
    for (const direction of ["row", "column"]) {
      const canvas = this.sights[direction];
      canvas.setAttribute("aria-label", `${DIRECTIONS[direction].title}. ${this.sentence()}. ${keys}`);
      canvas.tabIndex = direction === this.directions[0] ? 0 : -1;
    }
    this.mapsCanvas.setAttribute("aria-label", `Maps of all ${this.heads} heads for ${this.painter.placeText(this.token)}`);
  }

  lines() {
    return this.values ? this.tipLines() : [{ text: this.painter.placeText(this.token) }];
  }

  // --- pointer and keys

  tokenAt(event, direction) {
    const { left, top } = this.sights[direction].getBoundingClientRect();
    const { size } = this.at;
    const [x, y] = [event.clientX - left, event.clientY - top - SIGHT_HEAD];
    if (y < -6 && y > -SIGHT_HEAD) return x > size - CLASS_TOKEN_ROOM ? 0 : null;
    const cells = this.panel.grid_size;
    const [column, row] = [Math.floor((x / size) * cells), Math.floor((y / size) * cells)];
    const isInside = column >= 0 && row >= 0 && column < cells && row < cells;
    if (isInside) return row * cells + column + 1;
    return null;
  }

  point(event, direction) {
    const token = this.tokenAt(event, direction);
    if (token == null) {
      this.leave();
      return;
    }
    this.go(token);
    const box = this.over.getBoundingClientRect();
    const isTouch = event.pointerType === "touch";
    this.host.showTip(
      this,
      this.lines(),
      event.clientX - box.left + 16,
      event.clientY - box.top + (isTouch ? -84 : 20),
    );
  }

  key(event, canvas) {
    const cells = this.panel.grid_size;
    const arrow = ARROWS[event.key];
    const layers = this.panel.layers;
    const turn = (list, value, step) => list[(list.indexOf(value) + step + list.length) % list.length];
    if (arrow) {
      const [right, down] = arrow;
      const [row, column] = [Math.floor((this.token - 1) / cells), (this.token - 1) % cells];
      if (this.token === 0) this.rest = right > 0 || down > 0 ? 1 : 0;
      else if (row + down < 0) this.rest = 0;
      else this.rest = clamp(row + down, 0, cells - 1) * cells + clamp(column + right, 0, cells - 1) + 1;
      this.go(this.rest);
      this.choose();
      this.tipAtToken(canvas);
      this.host.say(this.sentence());
    } else if (event.key === "[" || event.key === "]") {
      const heads = Array.from({ length: this.heads + 1 }, (_, head) => head);
      this.change({ ofHead: turn(heads, this.ofHead, event.key === "]" ? 1 : -1) });
    } else if (["{", "}", "PageUp", "PageDown"].includes(event.key) && layers.length > 1) {
      this.change({ layer: turn(layers, this.layer, event.key === "}" || event.key === "PageDown" ? 1 : -1) });
    } else if (event.key === "Enter" || event.key === " ") {
      this.toggle(this.token);
    } else if (event.key.toLowerCase() === "n" && !event.ctrlKey && !event.metaKey && !event.altKey) {
      this.explainWeight(canvas);
    } else if (event.key === "Escape") {
      this.host.hideTip(this);
      if (!this.pins.length) return;
      this.unpin(this.pinOf(this.token) ?? this.pins.at(-1));
    } else return;
    event.preventDefault();
  }

  tipAtToken(canvas) {
    if (!this.values) return;
    const [own, other] = [this.over.getBoundingClientRect(), canvas.getBoundingClientRect()];
    const { size } = this.at;
    const [x, y, side] = this.token ? this.painter.cell(size, this.token) : [size - 22, -30, 18];
    this.host.showTip(this, this.lines(), other.left - own.left + x + side + 10, y + SIGHT_HEAD + side + 8);
  }

  tileAt(event, canvas) {
    const at = this.at.maps;
    const { left, top } = canvas.getBoundingClientRect();
    const [x, y] = [event.clientX - left, event.clientY - top];
    for (let head = 0; head < this.heads; head++) {
      for (let d = 0; d < this.directions.length; d++) {
        const [tx, ty] = this.painter.tilePlace(at, head, d);
        if (x < tx || y < ty || x >= tx + at.tile || y >= ty + at.tile + MAP_LABEL) continue;
        const cells = this.panel.grid_size;
        const [column, row] = [Math.floor(((x - tx) / at.tile) * cells), Math.floor(((y - ty) / at.tile) * cells)];
        return { head, direction: this.directions[d], token: row < cells ? row * cells + column + 1 : null };
      }
    }
    return null;
  }

  tellTile(event, canvas) {
    const tile = this.tileAt(event, canvas);
    const { token, values } = canvas.entry();
    canvas.style.cursor = tile ? "pointer" : "default";
    if (!tile?.token || !values) {
      this.host.hideTip(this);
      return;
    }
    const value = values[tile.direction].heads[tile.head * this.tokens + tile.token];
    const [from, to] = tile.direction === "row" ? [token, tile.token] : [tile.token, token];
    const text = valueText(value, this.roots.uncertainty(this.firstMap + tile.head, from, value));
    const name = (each) => this.painter.placeText(each);
    const box = this.over.getBoundingClientRect();
    const [x, y] = [event.clientX - box.left + 14, event.clientY - box.top + 18];
    const hint = this.weightAt(tile, token) ? [{ text: "click: how it was computed", isHint: true }] : [];
    this.host.showTip(this, [{ text }, { text: `head ${tile.head + 1}: ${name(from)} → ${name(to)}` }, ...hint], x, y);
  }

  /** The name of the weight that a map shows under the pointer, where the view explains its numbers. */
  weightAt(tile, token) {
    if (this.host.view.explains == null || !this.host.options.onPick || !tile?.token) return null;
    const [from, to] = tile.direction === "row" ? [token, tile.token] : [tile.token, token];
    return `block.attention.weights:${this.layer}:${tile.head},${from},${to}`;
  }

  /** The weight that is read out: of the token and its strongest partner, or of the last pin and the token. */
  weightRead() {
    if (this.host.view.explains == null || !this.host.options.onPick || !this.values) return null;
    const direction = this.directions[0];
    const pin = this.pins.findLast((each) => each.token !== this.token && each.values);
    const other = pin ? pin.token : this.partner(direction).best;
    const [from, to] = (direction === "row") === !pin ? [this.token, other] : [other, this.token];
    const place = `${this.layer}:${this.ofHead ? this.ofHead - 1 : "*"},${from},${to}`;
    const number = `block.attention.weights:${place}`;
    return { from, to, number: this.ofHead ? number : `mean(${number})` };
  }

  explainWeight(asker) {
    const weight = this.weightRead();
    if (!weight) return;
    page.asker = asker;
    this.host.choose({ number: weight.number });
  }

  /** The button says which weight it explains, once the pointer rests: while it moves it is not told. */
  tellAsking() {
    clearTimeout(this.telling);
    this.telling = setTimeout(() => {
      const weight = this.weightRead();
      this.ask.hidden = !weight;
      if (!weight) return;
      const name = (token) => this.painter.placeText(token);
      const text = `How was ${name(weight.from)} → ${name(weight.to)} computed?`;
      if (this.ask.textContent !== text) this.ask.textContent = text;
    }, 150);
  }

  // --- drawing

  measure() {
    const { paint } = this.host;
    this.painter = new LooksPainter(this.panel, paint);
    this.at = LOOKS.layout(this.panel, this.body.clientWidth, paint, this);
    const { at } = this;
    this.stage.classList.toggle("stacked", at.isStacked);
    for (const direction of ["row", "column"]) this.sights[direction].hidden = !this.directions.includes(direction);
    this.over = this.sights[this.directions[0]];
    this.mapsCanvas.hidden = this.mapsTitle.hidden = !this.showsAll;
    this.placePins();
  }

  placePins() {
    const chips = this.pins.map((pin) => {
      const letter = element("b", "", {}, pin.letter);
      letter.style.background = pin.colour;
      letter.style.color = inkOn(colourOf(pin.colour));
      const name = this.painter.placeText(pin.token);
      const label = `Pin ${pin.letter}, ${name}: let go`;
      const chip = element("button", "chip", { type: "button", "aria-label": label }, letter, name, element("i", "", {}, "×"));
      chip.addEventListener("pointerenter", () => this.go(pin.token));
      chip.addEventListener("pointerleave", () => this.leave());
      chip.addEventListener("click", () => this.unpin(pin));
      return chip;
    });
    if (chips.length > 1) {
      const clear = element("button", "clear", { type: "button" }, "clear all");
      clear.addEventListener("click", () => {
        this.pins = [];
        this.pinsChanged();
        this.host.say("No token is pinned.");
      });
      chips.push(clear);
    }
    this.pinList.replaceChildren(...chips);
    this.pinList.hidden = !chips.length;
    this.pinned.replaceChildren(
      ...(this.showsAll ? this.pins : []).map((pin) => {
        const letter = element("b", "", {}, pin.letter);
        letter.style.background = pin.colour;
        letter.style.color = inkOn(colourOf(pin.colour));
        const title = element("p", "subtitle", {}, letter, this.painter.placeText(pin.token));
        pin.canvas = this.tiles(() => ({ token: pin.token, values: pin.values, pin }));
        pin.canvas.setAttribute("aria-label", `Maps of all ${this.heads} heads for pin ${pin.letter}`);
        return element("div", "", {}, title, pin.canvas);
      }),
    );
  }

  draw() {
    const { at } = this;
    const { paint } = this.host;
    this.dot.style.background = paint.colour(this.panel.quantity);
    this.body.style.setProperty("--class-token", paint.colour("class_token"));
    for (const direction of this.directions)
      sized(this.sights[direction], at.size + 4, SIGHT_HEAD + at.size + SIGHT_FOOT, paint.ratio);
    sized(this.readingCanvas, at.reading.width, at.reading.height, paint.ratio);
    if (this.showsAll)
      for (const canvas of [this.mapsCanvas, ...this.pins.map((pin) => pin.canvas)])
        sized(canvas, at.width, at.maps.height, paint.ratio);
    for (const name of Object.keys(this.choices)) this.choices[name].show(this[name]);
    this.paintSights();
    this.paintRest(true);
    this.name();
  }

  drawMarks() {}

  context(canvas) {
    const ctx = canvas.getContext("2d");
    const { ratio } = this.host.paint;
    ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
    return ctx;
  }

  paintSights() {
    if (!this.at) return;
    for (const direction of this.directions)
      this.painter.sight(this.context(this.sights[direction]), this, this.at.size, direction);
  }

  /** All that may come a frame later than the pictures; on a slow machine, when the pointer rests. */
  later() {
    this.movedAt = performance.now();
    this.following ??= requestAnimationFrame(() => {
      this.following = null;
      this.waits = (this.waits ?? 0) + 1;
      if (this.cost > SLOW && performance.now() - this.movedAt < 2 * SLOW && this.waits < MOST_WAITS) {
        const { movedAt } = this;
        this.later();
        this.movedAt = movedAt;
        return;
      }
      this.waits = 0;
      const start = performance.now();
      this.paintRest(false);
      this.cost += 0.2 * (performance.now() - start - this.cost);
    });
  }

  paintRest(isAll) {
    if (!this.at) return;
    const { painter, at } = this;
    painter.reading(this.context(this.readingCanvas), this, at);
    if (this.showsAll) {
      const entries = [[this.mapsCanvas, this.mapsCanvas.entry()]];
      // The maps of pins change with the pointer only where all maps have one scale.
      if (isAll || this.common !== this.drawnCommon)
        for (const pin of this.pins) if (pin.canvas) entries.push([pin.canvas, pin.canvas.entry()]);
      for (const [canvas, entry] of entries) {
        const ctx = this.context(canvas);
        ctx.clearRect(0, 0, at.width, at.maps.height);
        painter.maps(ctx, this, at.maps, entry);
      }
      this.drawnCommon = this.common;
      const title = `All ${this.heads} heads of layer ${this.layer}: ${painter.placeText(this.token)}`;
      const end = shortText(this.common, 2);
      const scale = this.scale === "shared" ? `One scale for all maps, from 0 to ${end}` : "Every map has its own scale, from 0";
      const which = { both: "left where it looks, right who looks at it", row: "where it looks", column: "who looks at it" };
      this.mapsTitle.firstChild.textContent = title;
      this.mapsTitle.lastChild.textContent = `${which[this.direction]} · ${scale}`;
    }
    this.classButton.setAttribute("aria-pressed", String(Boolean(this.pinOf(0))));
    this.tellFollowing();
    this.tellAsking();
  }

  /** The rest of the page shows one token in one head; elsewhere than in the app it follows when asked to. */
  tellFollowing() {
    const { panel, painter } = this;
    const head = this.ofHead || panel.head;
    const isSame = this.rest === panel.token && head === panel.head && this.layer === panel.layer;
    this.follow.hidden = !this.host.options.onPick;
    const where = (token) => (token ? `the patch in ${painter.placeText(token)}` : "the class token");
    const text = `${this.host.options.follower ?? "Below, the page follows"} ${where(panel.token)} in head ${panel.head} of layer ${panel.layer}.`;
    if (this.followText.textContent !== text) this.followText.textContent = text;
    const ask = isSame ? "" : `Follow ${where(this.rest)}, head ${head}, layer ${this.layer}`;
    if (this.followButton.textContent !== ask) this.followButton.textContent = ask;
    this.followButton.style.visibility = isSame ? "hidden" : "visible";
  }

  /** Everything that is drawn, below each other, on the page's background and twice as large. */
  picture() {
    const [ratio, margin] = [2, 24];
    const paint = new Paint(this.host.paint.theme, this.host.view, ratio);
    const painter = new LooksPainter(this.panel, paint);
    const { at } = this;
    const pins = this.showsAll ? this.pins : [];
    const mapsHeight = this.showsAll ? at.maps.height + 34 : 0;
    const sightHeight = SIGHT_HEAD + at.size + SIGHT_FOOT;
    const sights = at.isStacked ? this.directions.length * sightHeight + at.reading.height : Math.max(sightHeight, at.reading.height);
    const height = 34 + sights + 16 + mapsHeight * (1 + pins.length);
    const canvas = document.createElement("canvas");
    const ctx = sized(canvas, at.width + 2 * margin, height + 2 * margin, ratio);
    ctx.fillStyle = paint.theme.background;
    ctx.fillRect(0, 0, canvas.width, canvas.height);
    const part = (x, y, width, tall, draw) => {
      // Painters clear what they draw on: each gets a canvas of its own.
      const own = document.createElement("canvas");
      draw(sized(own, width, tall, ratio));
      ctx.drawImage(own, x + margin, y + margin, own.width / ratio, own.height / ratio);
    };
    const title = { font: paint.font(16, 600), colour: paint.theme.text };
    write(ctx, `${this.panel.title}: ${this.headText()}, layer ${this.layer}`, margin, margin + 10, title);
    let [x, y] = [0, 34];
    for (const direction of this.directions) {
      part(x, y, at.size + 4, sightHeight, (own) => painter.sight(own, this, at.size, direction));
      if (at.isStacked) y += sightHeight;
      else x += at.size + at.between;
    }
    part(x, y, at.reading.width, at.reading.height, (own) => painter.reading(own, this, at));
    y = 34 + sights + 16;
    const small = { font: paint.font(14, 600), colour: paint.theme.text };
    const entries = this.showsAll ? [this.mapsCanvas.entry(), ...pins.map((pin) => pin.canvas.entry())] : [];
    for (const entry of entries) {
      const name = `${entry.pin ? `${entry.pin.letter}: ` : ""}all heads, ${painter.placeText(entry.token)}`;
      write(ctx, name, margin, margin + y + 10, small);
      part(0, y + 28, at.width, at.maps.height, (own) => painter.maps(own, this, at.maps, entry));
      y += mapsHeight;
    }
    return canvas;
  }
}

export const LOOKS = {
  frame: LooksFrame,
  /** Sizes for a width: the pictures and what is read beside or below them, and the maps of all heads. */
  layout(panel, width, paint, state) {
    const directions = state?.directions ?? ["row", "column"];
    const cells = panel.grid_size;
    const heads = panel.weights.heads;
    const isStacked = width < 700;
    const between = 30;
    const room = isStacked ? width - 4 : (width - between * directions.length - 236) / directions.length;
    const most = directions.length === 1 ? 520 : 440;
    const step = cells / paint.ratio;
    const size = Math.max(step, Math.floor(Math.min(room, most) / step) * step);
    const beside = width - directions.length * (size + between) - 6;
    const reading = isStacked
      ? { width: Math.min(width - 4, 460), height: 76 + directions.length * (31 + 25 * 3) }
      : { width: Math.min(beside, 380), height: SIGHT_HEAD + size + SIGHT_FOOT };
    const partners = isStacked ? 3 : clamp(Math.floor((reading.height - 190) / directions.length / 25) - 1, 3, directions.length === 1 ? 8 : 4);
    const free = reading.height - 82 - directions.length * (31 + 25 * partners);
    const matrix = !isStacked && panel.weights.codes && free > 64 ? Math.min(free - 4, reading.width * 0.6, 170) : 0;
    return { width, size, between, isStacked, reading, partners, matrix, maps: this.maps(width, heads, cells, directions.length, paint) };
  },
  /** Tiles as large as fill the width in lines of equal length. */
  maps(width, heads, cells, count, paint) {
    const inner = count > 1 ? 5 : 0;
    const gap = count > 1 ? 20 : 14;
    const [least, most] = [count > 1 ? 66 : 76, count > 1 ? 132 : 176];
    const room = (perRow) => ((width - 8 - (perRow - 1) * gap) / perRow - inner * (count - 1)) / count;
    const fitting = Array.from({ length: heads }, (_, i) => heads - i).filter((perRow) => room(perRow) >= least);
    const even = fitting.filter((perRow) => heads % perRow === 0);
    const perRow = even.find((each) => Math.ceil(heads / each) <= Math.ceil(heads / (fitting[0] ?? 1)) * 2) ?? fitting[0] ?? 1;
    const pixel = 1 / paint.ratio;
    const wide = Math.min(room(perRow), most);
    const side = Math.floor(wide / cells / pixel) * pixel;
    const tile = side >= 2 * pixel ? side * cells : Math.floor(wide);
    const lines = Math.ceil(heads / perRow);
    return {
      perRow,
      tile,
      inner,
      gap,
      top: 6,
      cell: tile * count + inner * (count - 1),
      height: 6 + lines * (tile + MAP_LABEL + 8),
    };
  },
  draw() {},
  mark() {},
  hit: () => null,
  anchor: () => null,
  describe: () => [],
  pick: () => null,
  chosen: () => null,
  move: (panel, at, cell) => cell,
  applies() {},
  /** The row and column of the chosen token in every head of the layer. */
  table(panel) {
    const { heads, tokens } = panel.weights;
    const { token, layer } = panel.live ?? panel;
    const [row, column] = [new Float32Array(tokens), new Float32Array(tokens)];
    const first = panel.layers.indexOf(layer) * heads;
    const lines = [];
    for (let head = 0; head < heads; head++) {
      if (!panel.weights.has(token)) break;
      panel.weights.row(first + head, token, row);
      panel.weights.column(first + head, token, column);
      for (let i = 0; i < tokens; i++) {
        const given = exactText(row[i], panel.weights.uncertainty(first + head, token, row[i]));
        const got = exactText(column[i], panel.weights.uncertainty(first + head, i, column[i]));
        lines.push([layer, head + 1, token, i, given, got]);
      }
    }
    return [["layer", "head", "token", "other token", "weight on the other", "weight from the other"], ...lines];
  },
};
