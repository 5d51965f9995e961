// The walk through the forward pass (class Walk in explainer/panels.py): played, stepped, scrubbed, all of it here.
//
// The browser is asked for frames only while something moves; between two moments a timer waits. Where the reader rests
// is written into the address, and the server is told nothing.

import { element } from "../core/element.js";
import { links, relation } from "../core/links.js";
import { clamp, exactText, tokenText, valueText } from "../core/numbers.js";
import { PanelFrame } from "../core/panel.js";
import { hoverFrame, litFrame } from "../core/strokes.js";
import { plainText, richNodes, wrapped } from "../core/text.js";
import { Stage } from "./scenes.js";
import { between, drawBetween, tokenAt, tokenRow } from "./sprites.js";

const MOVING = 1.1; // seconds from one moment to the next
const SPEEDS = [0.5, 1, 2, 4];
const reducedMotion = matchMedia("(prefers-reduced-motion: reduce)");

/** Seconds to read a sentence. */
const readingTime = (step) => 0.9 + 0.14 * step.sentence.split(" ").length;

const nearest = ({ from, to, share }) => (share < 0.5 ? from : to);

/** The box around boxes. */
function around(boxes) {
  const [x, y] = [Math.min(...boxes.map((box) => box.x)), Math.min(...boxes.map((box) => box.y))];
  const [right, bottom] = [Math.max(...boxes.map((box) => box.x + box.w)), Math.max(...boxes.map((box) => box.y + box.h))];
  return { x, y, w: right - x, h: bottom - y };
}

/** Words of a line of code, in the colour of the quantity that they name. */
const codePiece = ([text, quantity]) => (quantity ? element("span", "", { "data-quantity": quantity }, text) : text);

/** The panel of the walk: the parts above the stage, the controls and the words below it. */
class WalkFrame extends PanelFrame {
  constructor(host, kind) {
    super(host, kind);
    this.parts = element("div", "walk-parts", { role: "group", "aria-label": "Parts of the forward pass" });
    this.back = this.button("back", "Step back", () => this.step(-1));
    this.play = this.button("play", "Play", () => (this.isPlaying ? this.pause() : this.start()));
    this.on = this.button("on", "Step forward", () => this.step(1));
    this.slider = element("input", "", { type: "range", min: "0", "aria-label": "moment" });
    this.speed = element("select", "speed", { "aria-label": "speed" });
    for (const speed of SPEEDS) this.speed.append(element("option", "", { value: speed }, `${speed} ×`));
    this.speed.value = "1";
    this.whole = this.button("whole", "Full screen", () => this.fillScreen());
    this.controls = element("div", "bar walk-controls", {}, this.back, this.play, this.on, this.slider, this.speed, this.whole);
    this.part = element("p", "walk-number");
    this.heading = element("h4", "walk-name");
    this.sentence = element("p", "walk-sentence");
    this.shape = element("span", "walk-shape");
    this.link = element("button", "walk-link", { type: "button" });
    this.link.addEventListener("click", () => this.host.choose({ page: this.panel.steps[this.index].page }));
    this.equationTitle = element("p", "walk-equation-title", { tabindex: "0" });
    this.equation = element("div", "walk-equation");
    this.words = element("div", "walk-words", {}, this.part, this.heading, this.sentence, element("p", "walk-more", {}, this.shape, this.link));
    this.formula = element("div", "walk-formula", {}, this.equationTitle, this.equation);
    this.code = element("p", "walk-code", { tabindex: "0" });
    this.moment = element("div", "walk-moment", {}, this.formula, this.words, this.code);
    this.head.after(this.parts);
    this.body.after(this.controls, this.moment);
    this.slider.addEventListener("input", () => this.scrub(Number(this.slider.value)));
    this.slider.addEventListener("change", () => this.settle());
    this.root.addEventListener("keydown", (event) => this.steer(event));
    host.root.addEventListener("fullscreenchange", () => this.resize());
    this.index = null;
  }

  button(kind, label, action) {
    const button = element("button", `walk-button ${kind}`, { type: "button", "aria-label": label });
    button.addEventListener("click", action);
    return button;
  }

  set(panel) {
    const isNew = this.index == null;
    const before = this.panel;
    super.set(panel);
    panel.roomFor = (width, height) => this.roomFor(width, height);
    if (isNew || before.steps.length !== panel.steps.length) {
      this.entered = panel.layer;
      const asked = /^\d{1,4}$/.exec(this.host.options.recall?.("step") ?? "");
      this.index = asked ? Math.min(Number(asked[0]), panel.steps.length - 1) : 0;
    } else if (before.layer !== panel.layer) {
      this.entered = panel.layer;
      this.index = panel.steps.findIndex((step) => step.layer === panel.layer);
    }
    this.stop();
    this.makeParts();
    this.enterLayerOf(this.index);
    panel.moment = { from: this.index, to: this.index, share: 0 };
    this.tell();
    this.remember();
  }

  /** One button for what comes before the layers, one for each, and one for what follows. */
  makeParts() {
    const { steps, num_layers: last } = this.panel;
    const names = ["Picture to tokens", ...Array.from({ length: last }, (_, i) => String(i + 1)), "Prediction"];
    this.parts.replaceChildren(
      ...names.flatMap((name, layer) => {
        const isLayer = layer > 0 && layer <= last;
        const button = element("button", isLayer ? "layer" : "", { type: "button" }, name);
        if (isLayer) button.setAttribute("aria-label", `Enter layer ${layer}`);
        button.addEventListener("click", () => {
          this.pause();
          if (isLayer) this.entered = layer;
          this.travel(steps.findIndex((step) => step.layer === layer));
          if (isLayer) this.host.choose({ layer }); // for the rest of the page: the film has all layers
        });
        return layer === 1 ? [element("span", "walk-layers", {}, last > 1 ? "layers" : "layer"), button] : [button];
      }),
    );
  }

  /** The numbers of the moments on the way: all of the layer that was entered, three of each other. */
  get way() {
    return this.panel.steps.flatMap((step, i) => (step.is_detail && step.layer !== this.entered ? [] : [i]));
  }

  enterLayerOf(index) {
    if (this.panel.steps[index].is_detail) this.entered = this.panel.steps[index].layer;
  }

  start() {
    const { way } = this;
    this.isPlaying = true;
    this.showPlaying();
    if (this.index === way.at(-1)) this.show(way[0]);
    this.goOn();
  }

  /** On to the next moment; at the last one it rests. */
  goOn() {
    const next = this.way[this.way.indexOf(this.index) + 1];
    if (next == null) this.pause();
    else this.travel(next);
  }

  pause() {
    const wasPlaying = this.isPlaying;
    const { moment } = this.panel;
    this.stop();
    if (moment.share > 0 && moment.share < 1) this.show(this.index); // the words are already those of the moment ahead
    if (wasPlaying) this.remember();
  }

  stop() {
    clearTimeout(this.waiting);
    cancelAnimationFrame(this.asked);
    this.isPlaying = false;
    this.waiting = this.asked = null;
    this.showPlaying();
  }

  showPlaying() {
    this.play.dataset.state = this.isPlaying ? "playing" : "still";
    this.play.setAttribute("aria-label", this.isPlaying ? "Pause" : "Play");
  }

  step(by) {
    const wasMoving = this.panel.moment.share > 0 && this.panel.moment.share < 1;
    this.pause();
    const { way } = this;
    const here = way.indexOf(this.index);
    const next = way[clamp((here < 0 ? way.findLastIndex((i) => i < this.index) : here) + by, 0, way.length - 1)];
    if (next === this.index && !wasMoving) return;
    this.travel(next);
  }

  /** Move to a moment; without motion it is simply there. */
  travel(index) {
    cancelAnimationFrame(this.asked);
    clearTimeout(this.waiting);
    const from = this.index;
    if (reducedMotion.matches || from === index) {
      this.show(index);
      this.arrive();
      return;
    }
    const isBack = index < from;
    this.index = index;
    const moment = (this.panel.moment = isBack ? { from: index, to: from, share: 1 } : { from, to: index, share: 0 });
    this.host.hideTip(this);
    this.tell();
    let last = null;
    const tick = (now) => {
      if (!this.root.isConnected) return;
      const passed = last == null ? 1 / 60 : Math.min(0.1, (now - last) / 1000);
      last = now;
      const way = (passed * Number(this.speed.value)) / MOVING;
      moment.share = isBack ? moment.share - way : moment.share + way;
      if (moment.share > 0 && moment.share < 1) {
        this.repaint();
        this.moveSlider();
        this.asked = requestAnimationFrame(tick);
        return;
      }
      this.asked = null;
      this.show(index, false);
      this.arrive();
    };
    this.asked = requestAnimationFrame(tick);
  }

  /** A moment is there: wait until its sentence is read, or rest. */
  arrive() {
    if (this.pointer) this.point(this.pointer);
    if (!this.isPlaying) this.remember();
    else this.waiting = setTimeout(() => this.root.isConnected && this.goOn(), (1000 * readingTime(this.panel.steps[this.index])) / Number(this.speed.value));
  }

  show(index, isTold = true) {
    this.index = index;
    this.panel.moment = { from: index, to: index, share: 0 };
    if (isTold) this.tell();
    this.moveSlider();
    this.repaint();
  }

  /** Somewhere on the way, also between two moments. */
  scrub(value) {
    this.stop();
    const { way } = this;
    const left = Math.min(Math.floor(value), way.length - 1);
    this.panel.moment = { from: way[left], to: way[Math.min(left + 1, way.length - 1)], share: value - left };
    const index = nearest(this.panel.moment);
    if (index !== this.index) {
      this.index = index;
      this.tell(false);
    }
    this.host.hideTip(this);
    this.asked = requestAnimationFrame(() => this.repaint());
  }

  /** The slider was let go: the nearest moment is where it rests. */
  settle() {
    cancelAnimationFrame(this.asked);
    this.show(this.index);
    this.arrive();
  }

  remember() {
    this.host.options.remember?.("step", this.index ? String(this.index) : "");
  }

  steer(event) {
    const isTyping = event.target === this.speed || event.ctrlKey || event.metaKey || event.altKey;
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (isTyping) return;
    if (by || (event.target === this.slider && ["ArrowUp", "ArrowDown"].includes(event.key))) {
      this.step(by ?? (event.key === "ArrowUp" ? 1 : -1));
    } else if (event.target === this.slider && (event.key === "Home" || event.key === "End")) {
      this.pause();
      this.travel(event.key === "Home" ? this.way[0] : this.way.at(-1));
    } else if (event.key === " " && !(event.target instanceof HTMLButtonElement)) {
      if (this.isPlaying) this.pause();
      else this.start();
    } else if (this.isWhole && (event.key === "PageDown" || event.key === "PageUp")) {
      this.step(event.key === "PageDown" ? 1 : -1); // what a presenter's remote control sends
    } else return;
    event.preventDefault();
  }

  /** The stage for a file, with the words of the moment below it. */
  picture() {
    const { caption } = this.panel;
    const step = this.panel.steps[this.index];
    this.panel.caption = `${step.title}. ${step.sentence}`;
    try {
      return super.picture();
    } finally {
      this.panel.caption = caption;
    }
  }

  key() {} // all keys are read where they bubble to: they work wherever the focus is in the panel

  repaint() {
    if (!this.at) return;
    const { paint } = this.host;
    const ctx = this.base.getContext("2d");
    ctx.setTransform(paint.ratio, 0, 0, paint.ratio, 0, 0);
    ctx.clearRect(0, 0, this.at.width + 1, this.at.height + 1);
    this.kind.draw(ctx, this.panel, this.at, paint);
    if (this.hover) this.setHover(null);
    else if (links.source) this.drawMarks();
  }

  draw() {
    super.draw();
    this.over.setAttribute("aria-label", `${this.panel.steps[this.index].title}. ${plainText(this.panel.steps[this.index].sentence)}`);
    this.colour();
    this.fitEquation();
    this.reserve();
  }

  /** The line of code of the moment, and what it, the equation and each of its symbols are about. */
  tie(step) {
    const { symbols, code } = this.panel;
    for (const each of [this.formula, this.code]) Object.assign(each.dataset, { link: step.tensors.join(" "), reads: step.sources.join(" ") });
    for (const each of this.equation.querySelectorAll("[data-symbol]")) {
      each.dataset.link = symbols[step.equation]?.[each.dataset.symbol]?.join(" ") ?? "";
    }
    const line = code[step.name];
    this.code.style.visibility = line ? "" : "hidden"; // its place stays: nothing below it moves
    this.code.replaceChildren(...(line ? [element("code", "", {}, ...line.pieces.map(codePiece)), ` ${line.path}, line ${line.number}`] : ["\u00a0"]));
    if (links.source) links.renew();
  }

  colour() {
    if (!this.host.paint) return;
    for (const each of this.moment.querySelectorAll("[data-quantity]")) each.style.color = this.host.paint.colour(each.dataset.quantity);
  }

  /** An equation that is wider than its place is written smaller. */
  fitEquation() {
    const written = this.equation.firstElementChild;
    this.equation.style.fontSize = "";
    const [width, room] = [written?.getBoundingClientRect().width, this.equation.clientWidth];
    if (room && width > room) this.equation.style.fontSize = `${(parseFloat(getComputedStyle(this.equation).fontSize) * room * 0.985) / width}px`;
  }

  /** Words for the moment: shown, and read out. */
  tell(isSaid = true) {
    const { steps, equations, equation_titles: titles, num_layers: last } = this.panel;
    const step = steps[this.index];
    const part = step.layer === 0 ? "Before the encoder" : step.layer > last ? "After the encoder" : `Layer ${step.layer} of ${last}`;
    this.part.textContent = part;
    this.heading.textContent = step.title;
    this.sentence.replaceChildren(...richNodes(step.sentence));
    this.shape.textContent = step.shape;
    this.link.textContent = `${step.page_title}, in detail`;
    this.link.hidden = !this.host.options.onPick;
    if (this.equation.dataset.key !== step.equation) {
      this.equation.dataset.key = step.equation;
      this.equation.replaceChildren(document.importNode(new DOMParser().parseFromString(equations[step.equation], "application/xml").documentElement, true));
      this.equationTitle.textContent = titles[step.equation];
    }
    this.tie(step);
    this.colour();
    this.fitEquation();
    for (const each of this.equation.querySelectorAll("[data-symbol]")) each.classList.toggle("lit", step.lit.includes(each.dataset.symbol));
    [...this.parts.querySelectorAll("button")].forEach((button, layer) => {
      button.classList.toggle("here", layer === step.layer);
      if (layer === step.layer) button.setAttribute("aria-current", "step");
      else button.removeAttribute("aria-current");
      button.classList.toggle("entered", layer === this.entered);
    });
    this.over.setAttribute("aria-label", `${step.title}. ${plainText(step.sentence)}`);
    this.moveSlider();
    if (isSaid && this.host.paint) this.host.say(`${part}. ${step.title}. ${plainText(step.sentence)}`);
  }

  moveSlider() {
    const { way } = this;
    const { from, to, share } = this.panel.moment;
    const place = (index) => Math.max(0, way.includes(index) ? way.indexOf(index) : way.findLastIndex((i) => i < index));
    this.slider.max = String(way.length - 1);
    this.slider.step = reducedMotion.matches ? "1" : "any";
    if (document.activeElement !== this.slider || !this.slider.matches(":active")) this.slider.value = String(between(place(from), place(to), share));
    const step = this.panel.steps[this.index];
    this.slider.setAttribute("aria-valuetext", `moment ${place(this.index) + 1} of ${way.length}: ${step.title}`);
    this.back.disabled = this.index === way[0];
    this.on.disabled = this.index === way.at(-1);
  }

  /** Room for the longest sentence and the tallest equation: other words move nothing. */
  reserve() {
    const style = getComputedStyle(this.sentence);
    const font = `${style.fontWeight} ${style.fontSize} ${style.fontFamily}`;
    const width = this.sentence.clientWidth;
    const lines = Math.max(...this.panel.steps.map((step) => wrapped(step.sentence, width, font).length));
    this.sentence.style.minHeight = `${lines * parseFloat(style.lineHeight)}px`;
  }

  fillScreen() {
    if (this.isWhole) document.exitFullscreen();
    else this.host.root.requestFullscreen?.().catch(() => {}); // all of the view: its tooltips, too
  }

  get isWhole() {
    return this.root.getRootNode().fullscreenElement === this.host.root;
  }

  resize() {
    this.host.root.classList.toggle("whole", this.isWhole);
    this.whole.setAttribute("aria-label", this.isWhole ? "Leave full screen" : "Full screen");
    this.host.redraw();
  }

  /** On the whole screen the stage takes what the words leave. */
  roomFor(width, height) {
    if (!this.isWhole) return height;
    const others = [this.head, this.parts, this.controls, this.moment].reduce((sum, each) => sum + each.offsetHeight, 0);
    return Math.max(height, innerHeight - others - 90);
  }
}

export const WALK = {
  frame: WalkFrame,
  layout(panel, width, paint) {
    const isNarrow = width < 620;
    const height = isNarrow ? Math.round(clamp(width * 1.5, 480, 680)) : clamp(Math.round(width * 0.42), 360, 480);
    return { width, isNarrow, height: panel.roomFor?.(width, height) ?? height, unit: paint.theme.unit, scenes: new Map() };
  },
  scene(panel, at, index) {
    if (!at.scenes.has(index)) at.scenes.set(index, new Stage(panel, at, panel.steps[index]).sprites);
    return at.scenes.get(index);
  },
  draw(ctx, panel, at, paint) {
    const { from, to, share } = panel.moment ?? { from: panel.start, to: panel.start, share: 0 };
    drawBetween(ctx, this.scene(panel, at, from), this.scene(panel, at, to), share, paint);
  },
  /** The sprites that can be read now: those of a moment that rests. */
  resting(panel, at) {
    const { from, to, share } = panel.moment;
    if (share > 0 && share < 1) return [];
    return this.scene(panel, at, share ? to : from);
  },
  /** The keys of what is at a place: of the tensor, or of the picture, which the weights of a head may light. */
  tensors(panel, cell, at) {
    const found = this.read(panel, at, cell);
    return found ? this.tensorsOf(found.sprite) : [];
  },
  tensorsOf: (sprite) => (sprite.slice?.tensors ?? sprite.tensors) || [],
  /** Line frames around what has to do with what the reader points at elsewhere; one around all patches. */
  markLit(ctx, panel, at, paint) {
    const sprites = this.resting(panel, at);
    const patches = sprites.filter(({ isPatch }) => isPatch);
    const others = sprites.filter(({ isPatch }) => !isPatch);
    for (const sprite of patches.length ? [...others, { ...around(patches), tensors: patches[0].tensors }] : others) {
      const lit = relation(links.source, { makes: this.tensorsOf(sprite), reads: [], isStep: false });
      if (lit) litFrame(ctx, sprite, lit, paint);
    }
  },
  mark(ctx, panel, at, paint, hover) {
    if (links.source) this.markLit(ctx, panel, at, paint);
    const cell = hover && this.place(panel, at, hover);
    if (!cell) return;
    const { x, y, w, h } = cell;
    hoverFrame(ctx, x - (w < 4 ? 1 : 0), y - (h < 4 ? 1 : 0), Math.max(w, 4), Math.max(h, 4));
  },
  /** "sprite:row:column" of what is at a place. */
  hit(panel, at, x, y) {
    for (const sprite of [...this.resting(panel, at)].reverse()) {
      const [inX, inY] = [x - sprite.x, y - sprite.y];
      if (inX < 0 || inY < -1 || inX >= sprite.w || inY > sprite.h + 1) continue;
      if (sprite.isPatch) return `${sprite.id}:0:0`;
      const column = (count) => Math.min(count - 1, Math.floor((inX / sprite.w) * count));
      if (sprite.isPicture) {
        const size = panel.grid_size;
        return `${sprite.id}:${Math.min(size - 1, Math.floor((Math.max(0, inY) / sprite.h) * size))}:${column(size)}`;
      }
      if (sprite.isBars) return `${sprite.id}:0:${column(sprite.slice.values.shape[1])}`;
      if (!sprite.slice || sprite.isAnswers) continue;
      const [rows, columns] = sprite.slice.values.shape;
      const row = sprite.row ?? tokenAt(rows, sprite.hasClass, sprite.h, inY);
      if (row != null) return `${sprite.id}:${row}:${column(columns)}`;
    }
    return null;
  },
  read(panel, at, cell) {
    const [id, row, column] = cell.split(":");
    const sprite = this.resting(panel, at).find((each) => each.id === id);
    return sprite ? { sprite, row: Number(row), column: Number(column) } : null;
  },
  place(panel, at, cell) {
    const found = this.read(panel, at, cell);
    if (!found) return null;
    const { sprite, row, column } = found;
    const size = panel.grid_size;
    if (sprite.isPatch) return sprite;
    if (sprite.isPicture) return { x: sprite.x + (column * sprite.w) / size, y: sprite.y + (row * sprite.h) / size, w: sprite.w / size, h: sprite.h / size };
    const [rows, columns] = sprite.slice.values.shape;
    const w = sprite.w / columns;
    if (sprite.isBars || sprite.row != null) return { x: sprite.x + column * w, y: sprite.y, w, h: sprite.h };
    const [top, h] = tokenRow(rows, sprite.hasClass, sprite.h, row);
    return { x: sprite.x + column * w, y: sprite.y + top, w, h };
  },
  anchor(panel, at, cell) {
    const place = this.place(panel, at, cell);
    return place ? [place.x + place.w, place.y] : null;
  },
  describe(panel, cell, paint, at) {
    const found = this.read(panel, at, cell);
    if (!found) return [];
    const { sprite, row, column } = found;
    const size = panel.grid_size;
    if (sprite.isPatch) return [tokenText(sprite.token, size)];
    if (sprite.isPicture) {
      const token = 1 + row * size + column;
      if (!sprite.lit) return [tokenText(token, size)];
      const weights = panel.slices.find((slice) => slice.name === `${sprite.layer}.weights`).values;
      const at = token * panel.num_heads + sprite.lit - 1;
      return [valueText(weights.data[at], weights.uncertainty(at)), `A, head ${sprite.lit}`, tokenText(token, size)];
    }
    const { values, symbol, shape } = sprite.slice;
    const [rows, columns] = values.shape;
    const index = row * columns + column;
    const value = valueText(values.data[index], values.uncertainty(index));
    if (sprite.isBars) return [value, `${symbol}: ${panel.labels[column]}`];
    if (sprite.row != null) return [value, `head ${row + 1}, number ${column}`];
    if (/^\d+\.(scores|weights)$/.test(sprite.slice.name)) return [value, `${symbol}, head ${column + 1}`, tokenText(row, size)];
    if (rows === 1 || sprite.slice.name.endsWith(".projection")) return [value, `${symbol}, ${rows === 1 ? "" : `row ${row}, `}number ${column}`];
    const token = row + (rows === size * size ? 1 : 0);
    return [value, `${symbol} (${shape}), number ${column}`, tokenText(token, size)];
  },
  pick(panel, cell, at) {
    const found = this.read(panel, at, cell);
    if (!found) return null;
    const { sprite, row, column } = found;
    if (sprite.id.startsWith("lamp")) return { head: sprite.lit };
    if (sprite.isPatch) return { token: sprite.token };
    if (sprite.isPicture) return { token: 1 + row * panel.grid_size + column };
    if (sprite.id === "shares") return { head: column + 1 };
    return sprite.hasClass ? { token: row } : null;
  },
  /** Where the number of a cell comes from; that of a lit picture is a weight of its head. */
  origin(panel, cell, at) {
    const found = this.read(panel, at, cell);
    if (!found) return [];
    const { sprite, row, column } = found;
    if (!sprite.isPicture) return [sprite.slice.origin, { row, column }];
    if (!sprite.lit) return [];
    const weights = panel.slices.find((slice) => slice.name === `${sprite.layer}.weights`);
    return [weights.origin, { row: 1 + row * panel.grid_size + column, column: sprite.lit - 1 }];
  },
  chosen: () => null,
  move: (panel, at, cell) => cell,
  keys: () => "Left and right arrow keys step, space plays and pauses.",
  /** What the moment makes, and for the first ones the picture's own numbers. */
  printed(panel) {
    const step = panel.steps[panel.moment ? nearest(panel.moment) : panel.start];
    return { slices: panel.slices.filter((slice) => step.makes.includes(slice.name)) };
  },
  table({ slices }) {
    return [
      ["tensor", "row", "column", "value"],
      ...slices.flatMap(({ symbol, values }) => {
        const columns = values.shape[1];
        return Array.from(values.data, (value, i) => [
          plainText(symbol),
          Math.floor(i / columns),
          i % columns,
          exactText(value, values.uncertainty(i)),
        ]);
      }),
    ];
  },
  applies() {},
};
