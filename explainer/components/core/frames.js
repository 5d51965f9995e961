// Views in an order (class Frames in explainer/panels): all of them are here, one is shown, a bar moves through
// them.

import { element, showPlaying } from "../drawing/element.js";
import { page } from "./page.js";
import { plainText, richNodes } from "../drawing/text.js";

const SECONDS_PER_FRAME = 0.7;

export class Reel {
  constructor(name) {
    this.name = name;
    this.members = new Set(); // mounted views
    this.place = null; // null: the last of each
  }

  /** The reel of a name; who is first on the page says where it starts. */
  static join(member, name, place = null) {
    if (!page.reels.has(name)) page.reels.set(name, Object.assign(new Reel(name), { place }));
    page.reels.get(name).members.add(member);
    return page.reels.get(name);
  }

  /** Everything moves in the next frame of the browser, however many moves there were until then. */
  go(place) {
    this.place = place;
    for (const member of this.members) member.bar?.follow();
    this.pending ??= requestAnimationFrame(() => {
      this.pending = null;
      for (const member of this.members) member.followReel();
    });
  }

  leave(member) {
    this.members.delete(member);
    if (!this.members.size) page.reels.delete(this.name); // the next page starts where its address says
  }
}

/** The number of the view to show: that of the place, or the nearest before it. */
export function frameAt({ places }, place) {
  if (place == null) return places.length - 1;
  const after = places.findIndex((each) => each > place);
  return after < 0 ? places.length - 1 : Math.max(0, after - 1);
}

/** A button that plays, a slider, and the name of the frame. */
export class FrameBar {
  constructor(host) {
    this.host = host; // the mounted view
    this.play = element("button", "play", { type: "button" });
    this.slider = element("input", "", { type: "range", min: "0", step: "1" });
    this.label = element("div", "label", { "aria-hidden": "true" }); // the slider says it
    this.root = element("div", "bar", {}, this.play, this.slider, this.label);
    this.play.addEventListener("click", () => {
      if (this.timer) this.rest();
      else this.start();
    });
    this.slider.addEventListener("input", () => {
      this.stop();
      this.go(Number(this.slider.value));
    });
    this.stop();
  }

  show() {
    const { name, places, labels } = this.host.film;
    this.slider.max = String(places.length - 1);
    this.slider.setAttribute("aria-label", name);
    this.slider.disabled = this.play.disabled = places.length < 2;
    // All names lie in one place, and one is seen: the slider keeps its width whatever it says.
    this.label.replaceChildren(...labels.map((label) => element("span", "", {}, ...richNodes(label))));
    this.follow();
  }

  follow() {
    const index = frameAt(this.host.film, this.host.reel.place);
    this.slider.value = String(index);
    this.slider.setAttribute("aria-valuetext", plainText(this.host.film.labels[index]));
    [...this.label.children].forEach((label, i) => label.classList.toggle("shown", i === index));
  }

  go(index, isResting = true) {
    this.host.move(this.host.film.places[index], isResting);
  }

  /** On to the last frame, from the first if the last is shown. */
  start() {
    const last = this.host.film.places.length - 1;
    const at = Number(this.slider.value);
    this.go(at === last ? 0 : at + 1, false);
    this.timer = setInterval(() => this.step(), 1000 * SECONDS_PER_FRAME);
    showPlaying(this.play, Boolean(this.timer));
  }

  step() {
    const at = Number(this.slider.value);
    const last = this.host.film.places.length - 1;
    if (at < last) this.go(at + 1, false);
    if (at + 1 >= last) this.rest();
  }

  /** Stay where it is, which the page is told only now. */
  rest() {
    this.stop();
    this.go(Number(this.slider.value));
  }

  stop() {
    clearInterval(this.timer);
    this.timer = 0;
    showPlaying(this.play, Boolean(this.timer));
  }
}
