// The picture under the pointer (class Looks in explainer/panels): where each token looks, who looks at it, pins.
//
// Nothing here asks the server while the pointer moves: all weights of the layer are in the browser. A move paints the
// pictures in the same frame; the maps of all heads follow in the next one, and moves that came in between are dropped.

import { element } from "../drawing/element.js";
import { ARROWS, asksForNumber, nextToken } from "../core/input.js";
import { page } from "../core/page.js";
import { Shell } from "../core/shell.js";
import { Following } from "./follow.js";
import { HeadMaps } from "./painting/head_maps.js";
import { Later } from "./later.js";
import { layoutLooks } from "./layout.js";
import { lookedPicture } from "./picture.js";
import { PinList } from "./pin_list.js";
import { Sheets } from "./painting/sheets.js";
import { Sights } from "./sights.js";
import { LooksState } from "./state.js";
import { LooksTools } from "./tools.js";
import { LooksWeights } from "./weights.js";
import { patchText, sentence, tipLines, weightRead } from "./words.js";

const CHOOSES_AFTER = 250; // milliseconds after the last of several keys

export class LooksFrame {
  constructor(host, kind) {
    this.host = host; // the mounted view
    this.kind = kind; // of panels/
    this.missed = /** @type {any} */ (null); // what the page chose while a choice here waits to be told
    this.later = new Later(() => this.paintRest(false));
    this.shell = new Shell(this);
    this.root = this.shell.root;
    this.head = this.shell.head;
    this.body = this.shell.body;
    this.state = new LooksState(host);
    this.weights = this.state.weights = new LooksWeights(this.state, host, () => {
      this.read();
      this.draw();
    });
    const act = {
      go: (token) => this.go(token),
      leave: () => this.leave(),
      toggle: (token) => this.toggle(token),
      change: (choice) => this.change(choice),
      unpin: (pin) => this.unpin(pin),
      clear: () => this.clearPins(),
      explain: (asker) => this.explainWeight(asker),
      follow: () => this.host.choose(this.chosen),
    };
    this.tools = new LooksTools(act);
    this.pinList = new PinList(act);
    this.sights = new Sights(this);
    this.following = new Following(this, act);
    this.hint = element("p", "hint");
    this.maps = new HeadMaps(this);
    this.body.classList.add("looks");
    const { tools, pinList, sights, following, hint, maps } = this;
    const toolbar = element("div", "toolbar", {}, tools.what, following.ask, tools.options, tools.how);
    this.body.append(toolbar, pinList.root, sights.root, hint);
    this.body.append(maps.title, maps.own.canvas, maps.pinned, following.root);
    const address = globalThis.location?.pathname;
    const goBack = () => {
      if (this.root.isConnected && this.panel && location.pathname === address) this.goBack();
    };
    for (const type of ["popstate", "vit-back"]) addEventListener(type, goBack);
  }

  /** Patches in a line of the picture. */
  get size() {
    return this.panel.grid_size;
  }

  /** The canvas to which tooltips are measured. */
  get over() {
    return this.sights.first;
  }

  /** Whether the view explains its numbers. */
  get explains() {
    return this.host.view.explains != null && Boolean(this.host.options.onPick);
  }

  /** What is chosen for the whole page, which shows one head and not their mean. */
  get chosen() {
    const { layer, ofHead, rest } = this.state;
    return { layer, head: ofHead || this.panel.head, token: rest };
  }

  /** The reader went back to another address of this page. */
  goBack() {
    this.state.goBack(this.panel.head);
    this.pinsChanged();
    if (this.host.options.room) this.host.redraw();
  }

  set(packed) {
    const before = this.panel;
    // Where the page's choice is followed, it is newer than the one that came with the numbers.
    const { layer, head, token } = this.host.followed ?? packed;
    const panel = (this.panel = { ...packed, layer, head, token });
    this.shell.show(panel);
    this.weights.take(panel);
    this.state.take(panel, before, { isOpen: this.choosing, isPointedAt: this.sights.pointer });
    // Next to what must be seen with it, the page itself chooses layer and head.
    this.tools.offer(this.weights.heads, panel.layers, this.host.options.room ? panel.head : null);
    this.hint.hidden = this.following.isQuiet = Boolean(this.host.options.room);
    this.tools.fold(Boolean(this.host.options.room));
    const explains = this.host.view.explains == null ? "" : ", N explains the weight that is read out";
    const hasFingers = matchMedia("(any-pointer: coarse)").matches && !matchMedia("(any-hover: hover)").matches;
    this.hint.textContent = hasFingers
      ? "Draw a finger over the image; a tap pins a patch, another tap on it lets it go."
      : "A click pins a patch, another lets it go. Keys: arrows move, [ and ] change the head, { and } the layer, " +
        `Enter pins, Escape lets go${explains}.`;
    this.read();
    this.state.remember();
    clearTimeout(this.reminding); // the app may have written its own
    this.reminding = setTimeout(() => this.root.isConnected && this.state.remember(), 700);
  }

  /** Layer, head and token were chosen elsewhere on the page. */
  follow({ layer, head, token }) {
    const { panel } = this;
    this.missed = { layer, head, token };
    if (this.choosing || (layer === panel.layer && head === panel.head && token === panel.token)) return;
    this.set({ ...panel, layer, head, token });
    if (this.at) this.draw();
  }

  /** Change head, layer, direction, scale or show, and draw anew what depends on it. */
  change(choice) {
    const moves = ["direction", "showsAll"].some((name) => name in choice);
    this.state.change(choice);
    this.state.remember();
    if (this.state.ofHead) this.choose();
    this.read();
    if (moves) this.measure();
    this.draw();
    if (moves && this.host.options.room) this.host.redraw(); // fitted again, as for who opens its link
    this.host.say(sentence(this));
  }

  /** The token under the pointer, or where keys led. */
  go(token) {
    if (token === this.state.token) return;
    this.state.token = token;
    this.read();
    if (this.at) this.sights.paint();
    this.later.ask();
  }

  /** Layer, head and token that are chosen here are chosen for the whole page, once the keys rest. */
  choose() {
    if (!this.host.options.isFollowed) return;
    clearTimeout(this.choosing);
    this.choosing = setTimeout(() => {
      this.choosing = null;
      const news = Object.entries(this.chosen).filter(([name, value]) => value !== this.panel[name]);
      if (news.length && this.root.isConnected) this.host.choose(Object.fromEntries(news));
      else if (this.missed) this.follow(this.missed);
    }, CHOOSES_AFTER);
  }

  /** Back to the token that was chosen last. */
  leave() {
    this.host.hideTip(this);
    this.go(this.state.rest);
  }

  toggle(token) {
    const pinned = this.state.pinOf(token);
    if (pinned) {
      this.unpin(pinned);
      return;
    }
    if (this.state.isFull) {
      this.host.say(`${this.state.pins.length} pins are the most: let one go first.`);
      return;
    }
    this.state.pin(token);
    this.state.rest = token;
    this.go(token);
    this.pinsChanged();
    this.choose();
    this.host.say(`Pinned as ${this.state.pinOf(token).letter}: ${sentence(this)}`);
  }

  unpin(pin) {
    this.state.unpin(pin);
    this.pinsChanged();
    this.host.say(`${pin.letter} is no longer pinned.`);
  }

  clearPins() {
    this.state.pins = [];
    this.pinsChanged();
    this.host.say("No token is pinned.");
  }

  pinsChanged() {
    this.state.remember();
    this.read();
    this.measure();
    this.draw();
  }

  /** What the token under the pointer has, now or when it has been fetched. */
  read() {
    this.weights.read();
    this.root.dataset.token = this.state.token;
    this.panel.live = { token: this.state.token, layer: this.state.layer };
  }

  /** What screen readers call the canvases. */
  name() {
    this.sights.name(sentence(this));
    this.maps.tellName();
  }

  lines() {
    return this.weights.values ? tipLines(this) : [{ text: patchText(this.state.token, this.size) }];
  }

  key(event, canvas) {
    const { state } = this;
    const { layers } = this.panel;
    const turn = (list, value, step) => list[(list.indexOf(value) + step + list.length) % list.length];
    if (ARROWS[event.key]) {
      state.rest = nextToken(state.token, this.size, ...ARROWS[event.key]);
      this.go(state.rest);
      this.choose();
      this.sights.tipAtToken(canvas);
      this.host.say(sentence(this));
    } else if (event.key === "[" || event.key === "]") {
      const heads = Array.from({ length: this.weights.heads + 1 }, (_, head) => head);
      this.change({ ofHead: turn(heads, state.ofHead, event.key === "]" ? 1 : -1) });
    } else if (["{", "}", "PageUp", "PageDown"].includes(event.key) && layers.length > 1) {
      this.change({ layer: turn(layers, state.layer, event.key === "}" || event.key === "PageDown" ? 1 : -1) });
    } else if (event.key === "Enter" || event.key === " ") {
      this.toggle(state.token);
    } else if (asksForNumber(event)) {
      this.explainWeight(canvas);
    } else if (event.key === "Escape") {
      this.host.hideTip(this);
      if (!state.pins.length) return;
      this.unpin(state.pinOf(state.token) ?? state.pins.at(-1));
    } else return;
    event.preventDefault();
  }

  /** The weight that is read out, where the view explains its numbers. */
  weightRead() {
    return this.explains ? weightRead(this) : null;
  }

  explainWeight(asker) {
    const weight = this.weightRead();
    if (!weight) return;
    page.asker = asker;
    this.host.choose({ number: weight.number });
  }

  measure() {
    const { paint } = this.host;
    this.sheets = new Sheets(this.panel, paint);
    const most = this.host.options.room ? this.host.options.room() - 126 : Infinity;
    this.at = layoutLooks(this.panel, this.body.clientWidth, paint, this.state.directions, most);
    this.sights.arrange();
    this.pinList.show(this.state.pins, this.size);
    this.maps.arrange();
  }

  draw() {
    if (!this.at) return;
    const { paint } = this.host;
    this.shell.dot.style.background = paint.colour(this.panel.quantity);
    this.body.style.setProperty("--class-token", paint.colour("class_token"));
    this.sights.resize(paint.ratio);
    this.maps.resize(paint.ratio);
    this.tools.show(this.state);
    this.sights.paint();
    this.paintRest(true);
    this.name();
  }

  /** What lights up is not painted here. */
  drawMarks() {}

  paintRest(isAll) {
    if (!this.at) return;
    this.sights.paintReading();
    if (this.state.showsAll) this.maps.paint(isAll);
    this.tools.showPinned(Boolean(this.state.pinOf(0)));
    this.following.show();
  }

  /** For a file. */
  picture() {
    return lookedPicture(this);
  }
}
