// A page as a row of steps: each with its picture and, next to it, its mathematics, all of one choice.

import { page } from "../core/page.js";
import { fetchPacket, figurePath, packetPath } from "./fetching.js";
import { fitFormulas } from "./fitting.js";
import { keepFocus } from "./changing.js";
import { isProjecting, roomOnProjector } from "./projector.js";

const HEADER = 60; // pixels of Streamlit's own header, below which the page begins
const LEAST = 220; // pixels of a picture, however small the window is

export class StepPage {
  /** `options`: base, the app's address; choice; mountView(place, options); pick(pick) for what is no choice. */
  constructor(root, options) {
    this.root = root;
    this.options = options;
    this.parts = [];
    this.width = 0;
    this.height = 0;
    this.follow = () => this.show();
    options.choice.followers.add(this.follow);
    this.sizes = new ResizeObserver(() => this.resize());
    this.sizes.observe(root);
    this.onResize = () => this.resize();
    addEventListener("resize", this.onResize);
  }

  /** `data`: page, html, and parts [{slug, kind, reads, room}], which the choice at first belongs to. */
  take(data) {
    if (data.html !== this.html) this.build(data);
    this.show();
  }

  build(data) {
    this.clear();
    this.html = data.html;
    this.page = data.page;
    this.root.innerHTML = data.html; // written by the server, from the model's numbers and the app's own words
    this.parts = data.parts.map((record) => {
      const place = this.root.querySelector(`[data-${record.kind}="${record.slug}"]`);
      const part = { ...record, place, path: null, turn: 0 };
      if (record.kind === "view" || record.kind === "result") part.view = this.mount(part);
      else part.path = packetPath(this.page, part, data.choice); // it came with the page
      return part;
    });
    this.nearness = new IntersectionObserver((entries) => this.meet(entries), { rootMargin: "60%" });
    for (const part of this.parts) this.nearness.observe(part.place);
    fitFormulas(this.root);
  }

  mount(part) {
    const shadow = part.place.attachShadow({ mode: "open" });
    const canvas = this.options.mountView(shadow, {
      onPick: (pick) => this.options.pick(pick),
      room: () => this.roomFor(part.place),
      figure: (panel) => (format) =>
        fetchPacket(figurePath(this.page, part, format, panel, this.options.choice.whole), this.options.base),
    });
    const most = this.roomFor(part.place);
    if (part.room) canvas.reserve(JSON.parse(part.room));
    else if (most < Infinity) part.place.style.minHeight = `${most}px`; // until it is here
    return canvas;
  }

  /** The height that a picture may have, so that its mathematics is in the window with it. */
  roomFor(place) {
    const step = place.closest(".vit-step");
    if (!step || innerWidth < 640) return Infinity;
    if (isProjecting()) return roomOnProjector(step, place);
    const heightOf = (selector, root = document) => root.querySelector(selector)?.offsetHeight ?? 0;
    const bar = heightOf(".vit-bar") + heightOf(".vit-strip") + heightOf(".vit-step-controls", step);
    const free = innerHeight - HEADER - bar - heightOf("header", step) - 28;
    const isWide = step.classList.contains("vit-step-wide");
    const below = isWide ? heightOf(".vit-step-mathematics", step) + 12 : 0;
    return Math.max(LEAST, free - below);
  }

  /** Parts near the window are shown before the others. */
  meet(entries) {
    for (const { target, isIntersecting } of entries) {
      const part = this.parts.find((each) => each.place === target);
      if (part) part.isNear = isIntersecting;
    }
    this.show();
  }

  /** Fetch and show what the choice has changed: what is near at once, the rest when the browser is idle. */
  show() {
    for (const part of this.parts) part.view?.follow(this.options.choice.shown);
    const renewAll = (parts) => Promise.all(parts.map((part) => this.renew(part, this.options.choice.whole)));
    const near = this.parts.filter((part) => part.isNear);
    // Pictures first: the proofs next to them take longer, and would make them wait.
    renewAll(near.filter((part) => part.view)).then(() => renewAll(near));
    clearTimeout(this.later);
    this.later = setTimeout(() => renewAll(this.parts), 600);
  }

  async renew(part, choice) {
    const path = packetPath(this.page, part, choice);
    if (path === part.path) return;
    part.path = path;
    const turn = ++part.turn;
    try {
      const bytes = await fetchPacket(path, this.options.base);
      if (turn !== part.turn) return; // something else was chosen in the meantime
      if (part.view) {
        await part.view.update(bytes);
        part.place.style.minHeight = "";
        part.view.follow(this.options.choice.shown);
      } else this.write(part, new TextDecoder().decode(bytes));
      this.options.shown?.(part);
    } catch (/** @type {any} */ error) {
      if (turn !== part.turn) return;
      part.path = null; // asked for again with the next choice
      console.error(error);
      const sentence = `${error.message} Choose something else, or load the page again.`;
      if (part.view) part.view.explain(sentence);
      else part.place.textContent = sentence;
    }
  }

  write(part, html) {
    keepFocus(part.place, () => (part.place.innerHTML = html));
    fitFormulas(part.place);
    if (page.links?.source) page.links.light(); // what is lit stays lit
  }

  resize() {
    if (this.root.clientWidth === this.width && innerHeight === this.height) return;
    [this.width, this.height] = [this.root.clientWidth, innerHeight];
    fitFormulas(this.root);
    for (const part of this.parts) part.view?.redraw();
  }

  redraw(slug) {
    for (const part of this.parts) if (part.slug === slug) part.view?.redraw();
  }

  clear() {
    this.nearness?.disconnect();
    for (const part of this.parts) part.view?.destroy();
    this.parts = [];
  }

  destroy() {
    clearTimeout(this.later);
    this.options.choice.followers.delete(this.follow);
    this.sizes.disconnect();
    removeEventListener("resize", this.onResize);
    this.clear();
  }
}
