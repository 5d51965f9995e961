// A view on the page: rows of panels that follow the width and the colours of the page around them.

import { KINDS } from "../panels/kinds.js";
import { readHeader, readView } from "./decode.js";
import { element, isFocused, whenIdle } from "../drawing/element.js";
import { FrameBar, Reel, frameAt } from "./frames.js";
import { fitInto, layOut } from "./layout.js";
import { links } from "./links.js";
import { Paint, readTheme } from "../drawing/paint.js";
import { PanelFrame } from "./panel.js";
import { Tip } from "./tip.js";
import canvasStyle from "../styles/canvas.css";
import looksStyle from "../styles/looks.css";
import walkStyle from "../styles/walk.css";

class MountedView {
  constructor(parent, options) {
    this.options = options;
    this.width = 0; // for which it is laid out
    this.kept = new Map(); // digest -> bytes of a picture
    this.frames = [];
    this.root = element("figure", "vit");
    this.rows = element("div", "rows");
    this.alt = element("figcaption", "unseen");
    this.live = element("div", "unseen", { "aria-live": "polite" });
    this.tip = new Tip(this.root);
    this.notice = element("p", "notice", { role: "status", hidden: "" });
    // A change of the page's colours reaches this element as a transition, wherever the colours were set.
    this.sentinel = element("i", "sentinel", { "aria-hidden": "true" });
    this.sentinel.addEventListener("transitionend", () => this.redraw());
    const style = element("style", "", {}, [canvasStyle, looksStyle, walkStyle].join("\n"));
    this.root.append(style, this.alt, this.rows, this.notice, this.tip.root, this.live, this.sentinel);
    parent.append(this.root);
    this.observer = new ResizeObserver(() => {
      if (this.root.clientWidth !== this.width || devicePixelRatio !== this.paint?.ratio) this.redraw();
    });
    this.observer.observe(this.root);
    this.nearness = new IntersectionObserver(
      ([entry]) => {
        this.isFar = !entry.isIntersecting;
        if (this.isFar) return;
        this.catchUp();
        if (this.reel) this.followReel();
      },
      { rootMargin: "25%", scrollMargin: "25%" }, // the second where the page scrolls inside an element
    );
    this.nearness.observe(this.root);
    this.darkness = matchMedia("(prefers-color-scheme: dark)");
    this.onDarkness = () => this.redraw();
    this.darkness.addEventListener("change", this.onDarkness);
    // Letters of another font have other widths. Those far away need not be drawn again at once.
    this.onFonts = () => (this.isFar ? this.postpone(this.late ?? (() => this.redraw())) : this.redraw());
    document.fonts?.addEventListener?.("loadingdone", this.onFonts);
  }

  /** Show packed bytes. What was drawn stays until everything of the new view is here. */
  async update(bytes) {
    const packed = readHeader(bytes);
    const turn = (this.turn = (this.turn ?? 0) + 1);
    const missing = packed.missing.filter((digest) => !this.kept.has(digest));
    if (missing.length) {
      if (!this.view) this.reserve(packed.header);
      const fetched = await Promise.all(missing.map((digest) => this.options.load(digest)));
      missing.forEach((digest, i) => this.kept.set(digest, fetched[i]));
      if (turn !== this.turn) return; // a newer view came in the meantime
    }
    const draw = () => {
      this.take(readView(packed, this.kept));
      for (const digest of this.kept.keys()) if (!packed.missing.includes(digest)) this.kept.delete(digest);
    };
    this.alt.textContent = packed.header.view.alt ?? this.alt.textContent;
    if (this.view && this.isFar && !isFocused(this.root)) this.postpone(draw);
    else {
      this.late = null;
      draw();
    }
  }

  /** What is far from the window waits until the browser has nothing else to do, or the reader comes near. */
  postpone(draw) {
    this.late = draw;
    this.idle ??= whenIdle(() => {
      this.idle = null;
      this.catchUp();
    });
  }

  catchUp() {
    const draw = this.late;
    this.late = null;
    try {
      draw?.();
    } catch (/** @type {any} */ error) {
      this.explain(error.message);
      throw error;
    }
  }

  /** A view, or frames of which the one at the page's place is shown. */
  take(packed) {
    const name = packed.kind === "Frames" ? packed.name : null;
    if (this.reel && this.reel.name !== name) {
      this.reel.leave(this);
      this.reel = null;
    }
    if (this.bar && !packed.has_bar) {
      this.bar.root.remove();
      this.bar = null;
    }
    if (!name) {
      this.show(packed);
      return;
    }
    for (const view of packed.views) view.palette = packed.palette;
    this.film = packed;
    this.reel ??= Reel.join(this, name, this.options.place?.(name));
    if (packed.has_bar) {
      this.bar ??= new FrameBar(this);
      this.alt.after(this.bar.root);
      this.bar.show();
    }
    this.followReel();
  }

  /** Move everything on the page that counts the same to a place; the last is where one begins, and needs no name. */
  move(place, isResting = true) {
    const known = place < this.film.places.at(-1) ? place : null;
    this.reel.go(known);
    if (!isResting) return;
    const teller = [...this.reel.members].find((member) => member.bar) ?? this; // one tells it for all
    teller.options.onPlace?.(this.reel.name, known);
  }

  /** Show the frame at the place where the page is; what the pointer is on is told anew. */
  followReel() {
    const view = this.film.views[frameAt(this.film, this.reel.place)];
    if (view === this.view) return;
    this.alt.textContent = view.alt;
    if (this.view && this.isFar) return; // it is drawn when the reader comes near
    this.show(view);
    for (const frame of this.frames.flat()) if (frame.pointer) frame.point(frame.pointer);
  }

  show(view) {
    this.view = view;
    this.notice.hidden = true;
    this.rows.style.minHeight = "";
    this.alt.textContent = view.alt;
    const shape = view.rows.map((row) => row.map((panel) => panel.kind).join()).join(";");
    if (shape !== this.shape) {
      this.shape = shape;
      const make = (kind) => new (kind.frame ?? PanelFrame)(this, kind);
      this.frames = view.rows.map((row) => row.map((panel) => make(KINDS[panel.kind])));
      const rows = this.frames.map((row) => element("div", "row", {}, ...row.map((frame) => frame.root)));
      this.rows.replaceChildren(...rows);
    }
    this.frames.forEach((row, r) => row.forEach((frame, c) => frame.set(view.rows[r][c])));
    this.hideTip();
    this.redraw();
    links.join(this.root, () => this.light());
  }

  /** What the reader points at elsewhere has changed: panels that paint what they have to do with it do so. */
  light() {
    for (const frame of this.frames.flat()) if (frame.kind.tensors && frame.at) frame.drawMarks();
  }

  /** Hold a place on the page, as high as the first view will be, while its numbers and pictures are on their way. */
  reserve(header) {
    if (!this.root.clientWidth) return;
    const place = element("div");
    place.style.cssText = "position: absolute; visibility: hidden; overflow: hidden; height: 0";
    place.style.width = `${this.root.clientWidth}px`;
    this.root.after(place);
    const room = new Room(place, { scheme: this.options.scheme });
    try {
      room.take(readView({ header, buffers: null }));
      this.rows.style.minHeight = `${room.root.offsetHeight}px`;
    } catch {
      // A panel that cannot be laid out without its numbers takes its place when they are here.
    } finally {
      room.destroy();
      place.remove();
    }
  }

  redraw() {
    this.root.style.zoom = "";
    if (!this.view || !this.root.clientWidth) return;
    this.paint = new Paint(readTheme(this.root, this.options.scheme), this.view, Math.max(1, devicePixelRatio));
    this.root.style.colorScheme = this.paint.theme.scheme;
    this.root.classList.toggle("compact", Boolean(this.options.room));
    layOut(this);
    fitInto((!this.root.matches(".whole") && this.options.room?.()) || Infinity, this); // whole: all of the screen
    this.draw();
  }

  draw() {
    for (const frame of this.frames.flat()) frame.draw();
  }

  /** Another choice, made elsewhere: what the panels themselves can show of it. */
  follow(pick) {
    this.followed = pick;
    for (const frame of this.frames.flat()) {
      frame.kind.applies(frame.panel, pick);
      frame.follow?.(pick);
      if (frame.at && !this.isFar) frame.drawMarks();
      frame.name();
    }
  }

  /** Tell the page, and show the choice at once: the page's answer will say the same. */
  choose(pick) {
    if (this.reel && pick[this.reel.name] !== undefined) {
      const isExplained = pick.number && this.options.onPick;
      this.move(pick[this.reel.name], !isExplained); // all frames are here: the server need not know
      if (isExplained) {
        // In one message: of two that are under way at once, each would take back what the other put into the address.
        this.options.onPlace?.(this.reel.name, this.reel.place, true);
        this.options.onPick({ number: pick.number });
      }
      return;
    }
    if (!this.options.onPick) return; // a page from a file: nobody would answer with the numbers of the new choice
    for (const frame of this.frames.flat()) {
      frame.kind.applies(frame.panel, pick);
      frame.drawMarks();
      frame.name();
    }
    this.options.onPick?.({ ...pick });
  }

  showTip(frame, lines, x, y) {
    this.tip.show(frame, lines, x, y);
  }

  hideTip(frame) {
    this.tip.hide(frame);
  }

  say(text) {
    this.live.textContent = text;
  }

  /** One sentence instead of, or below, what was drawn. */
  explain(text) {
    this.notice.textContent = text;
    this.notice.hidden = false;
  }

  destroy() {
    this.late = null;
    this.bar?.stop();
    this.reel?.leave(this);
    links.leave(this.root);
    this.observer.disconnect();
    this.nearness.disconnect();
    this.darkness.removeEventListener("change", this.onDarkness);
    document.fonts?.removeEventListener?.("loadingdone", this.onFonts);
    this.root.remove();
  }
}

/** A view without its numbers: laid out, to know how much room it needs, and not drawn. */
class Room extends MountedView {
  draw() {}
}

/**
 * Draw packed bytes into `parent`, an element or a shadow root.
 * options: onPick(pick) for clicks and Enter; scheme "light" or "dark" (otherwise that of the page); load(digest) ->
 * Promise of the bytes of a picture that was kept out of the packed bytes; fileName() -> {before, after}, words
 * around a panel's title in the names of its files; place(name) -> the number of the frame to begin with, or null for
 * the last, and onPlace(name, place, isAtOnce) when the reader moved to another; recall(name) and remember(name,
 * text) for what the address keeps of the reader's own marks; isFollowed: what is chosen in a panel of its own is
 * chosen for all; follower, words for what shows the choice that a picture began with; room() -> the height in pixels
 * that it may have next to what is to be seen with it; figure(panel, view) -> what draws it as "svg" or "pdf", or null.
 */
export function mount(parent, bytes, options = {}) {
  const view = new MountedView(parent, options);
  const update = (next) =>
    view.update(next).catch((error) => {
      view.explain(error.message);
      throw error;
    });
  const ready = bytes ? update(bytes) : Promise.resolve();
  const reserve = (header) => view.view ?? view.reserve(header);
  return {
    ready,
    update,
    reserve,
    follow: (pick) => view.follow(pick),
    redraw: () => view.redraw(),
    explain: (text) => view.explain(text),
    destroy: () => view.destroy(),
  };
}
