// The walk through the forward pass (class Walk in explainer/panels): played, stepped, scrubbed, all of it here.
//
// The browser is asked for frames only while something moves; between two moments a timer waits. Where the reader rests
// is written into the address, and the server is told nothing.

import { showPlaying } from "../drawing/element.js";
import { scaled } from "../drawing/images.js";
import { links } from "../core/links.js";
import { clamp } from "../drawing/numbers.js";
import { PanelFrame } from "../core/panel.js";
import { plainText } from "../drawing/text.js";
import { WalkControls, reducedMotion } from "./controls.js";
import { WalkParts } from "./parts.js";
import { nearest } from "./sprites.js";
import { WalkWords, readingTime } from "./words.js";

const MOVING = 1.1; // seconds from one moment to the next

/** The panel of the walk: the parts above the stage, the controls and the words below it. */
export class WalkFrame extends PanelFrame {
  constructor(host, kind) {
    super(host, kind);
    this.parts = new WalkParts();
    this.controls = new WalkControls({
      step: (by) => this.step(by),
      play: () => (this.isPlaying ? this.pause() : this.start()),
      scrub: (value) => this.scrub(value),
      settle: () => this.settle(),
      fillScreen: () => this.fillScreen(),
    });
    this.words = new WalkWords(host, (step) => this.host.choose({ page: step.page }));
    this.head.after(this.parts.root);
    this.body.after(this.controls.root, this.words.root);
    this.root.addEventListener("keydown", (event) => this.steer(event));
    host.root.addEventListener("fullscreenchange", () => this.resize());
    /** @type {any} */
    this.index = null; // number of the moment
    this.asked = 0; // for the next frame of the browser
  }

  set(panel) {
    const isNew = this.index == null;
    const before = this.panel;
    super.set(panel);
    panel.roomFor = (width, height) => this.roomFor(width, height);
    if (isNew || before.steps.length !== panel.steps.length) {
      this.chosen = this.entered = this.host.followed?.layer ?? panel.layer;
      const asked = /^\d{1,4}$/.exec(this.host.options.recall?.("step") ?? "");
      this.index = asked ? Math.min(Number(asked[0]), panel.steps.length - 1) : 0;
    }
    this.stop();
    this.parts.make(panel.num_layers, (layer, isLayer) => this.enter(layer, isLayer));
    this.enterLayerOf(this.index);
    panel.moment = { from: this.index, to: this.index, share: 0 };
    this.tell();
    this.remember();
  }

  /** The page has chosen another layer: it is entered. */
  follow({ layer }) {
    const isNew = layer !== this.chosen && layer !== this.entered;
    this.chosen = layer;
    if (isNew) this.enter(layer, true, false);
  }

  /** To a part of the forward pass. */
  enter(layer, isLayer, isTold = true) {
    this.pause();
    if (isLayer) this.entered = layer;
    this.travel(this.panel.steps.findIndex((step) => step.layer === layer));
    if (isLayer && isTold) this.host.choose({ layer }); // for the rest of the page: the film has all layers
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
    showPlaying(this.controls.play, true);
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
    this.waiting = this.asked = 0;
    showPlaying(this.controls.play, false);
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
      const way = (passed * this.controls.speed) / MOVING;
      moment.share = isBack ? moment.share - way : moment.share + way;
      if (moment.share > 0 && moment.share < 1) {
        this.repaint();
        this.moveSlider();
        this.asked = requestAnimationFrame(tick);
        return;
      }
      this.asked = 0;
      this.show(index, false);
      this.arrive();
    };
    this.asked = requestAnimationFrame(tick);
  }

  /** A moment is there: wait until its sentence is read, or rest. */
  arrive() {
    if (this.pointer) this.point(this.pointer);
    if (!this.isPlaying) this.remember();
    else {
      const seconds = readingTime(this.panel.steps[this.index]) / this.controls.speed;
      this.waiting = setTimeout(() => this.root.isConnected && this.goOn(), 1000 * seconds);
    }
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
    const isTyping = event.target === this.controls.select || event.ctrlKey || event.metaKey || event.altKey;
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    const isOnSlider = event.target === this.controls.slider;
    if (isTyping) return;
    if (by || (isOnSlider && ["ArrowUp", "ArrowDown"].includes(event.key))) {
      this.step(by ?? (event.key === "ArrowUp" ? 1 : -1));
    } else if (isOnSlider && (event.key === "Home" || event.key === "End")) {
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
    const ctx = scaled(this.base, paint.ratio);
    ctx.clearRect(0, 0, this.at.width + 1, this.at.height + 1);
    this.kind.draw(ctx, this.panel, this.at, paint);
    if (this.hover) this.setHover(null);
    else if (links.source) this.drawMarks();
  }

  draw() {
    super.draw();
    this.words.colour();
    this.words.fitEquation();
    this.words.reserve(this.panel.steps);
  }

  /** Words for the moment: shown, and read out. */
  tell(isSaid = true) {
    const step = this.panel.steps[this.index];
    const spoken = this.words.show(this.panel, step);
    this.parts.show(step.layer, this.entered);
    this.name();
    this.moveSlider();
    if (isSaid && this.host.paint) this.host.say(spoken);
  }

  name() {
    const { title, sentence } = this.panel.steps[this.index];
    this.over.setAttribute("aria-label", `${title}. ${plainText(sentence)}`);
  }

  moveSlider() {
    const { way, index } = this;
    const { from, to, share } = this.panel.moment;
    const place = (i) => Math.max(0, way.includes(i) ? way.indexOf(i) : way.findLastIndex((each) => each < i));
    const { title } = this.panel.steps[index];
    this.controls.show({ from: place(from), to: place(to), share, at: place(index), count: way.length, title });
    this.controls.back.disabled = index === way[0];
    this.controls.on.disabled = index === way.at(-1);
  }

  fillScreen() {
    if (this.isWhole) document.exitFullscreen();
    else this.host.root.requestFullscreen?.().catch(() => {}); // all of the view: its tooltips, too
  }

  get isWhole() {
    const root = /** @type {Document | ShadowRoot} */ (this.root.getRootNode());
    return root.fullscreenElement === this.host.root;
  }

  resize() {
    this.host.root.classList.toggle("whole", this.isWhole);
    this.controls.showWhole(this.isWhole);
    this.host.redraw();
  }

  /** On the whole screen the stage takes what the words leave. */
  roomFor(width, height) {
    if (!this.isWhole) return height;
    const others = [this.head, this.parts.root, this.controls.root, this.words.root].map((each) => each.offsetHeight);
    return Math.max(height, innerHeight - 90 - others.reduce((sum, each) => sum + each));
  }
}
