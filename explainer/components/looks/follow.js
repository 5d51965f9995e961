// What the picture under the pointer has to do with the rest of the page: the weight it explains, what it follows.

import { element } from "../drawing/element.js";
import { patchText } from "./words.js";

export class Following {
  /** `act` is what the buttons do: explain(button), follow(). */
  constructor(frame, act) {
    this.frame = frame;
    this.isQuiet = false; // where the page is seen with it, it need not be said what the page shows
    this.ask = element("button", "ask", { type: "button" }, "How was this weight computed?");
    this.ask.hidden = true;
    this.ask.addEventListener("click", () => act.explain(this.ask));
    this.text = element("span");
    this.button = element("button", "", { type: "button" });
    this.button.addEventListener("click", act.follow);
    const isFollowed = frame.host.options.isFollowed;
    this.root = element("div", "follow", {}, this.text, ...(isFollowed ? [] : [this.button]));
  }

  show() {
    this.tell();
    this.tellAsking();
  }

  /** The button says which weight it explains, once the pointer rests: while it moves it is not told. */
  tellAsking() {
    clearTimeout(this.telling);
    this.telling = setTimeout(() => {
      const weight = this.frame.weightRead();
      this.ask.hidden = !weight;
      if (!weight) return;
      const [from, to] = [weight.from, weight.to].map((token) => patchText(token, this.frame.size));
      change(this.ask, `How was ${from} → ${to} computed?`);
    }, 150);
  }

  /** The rest of the page shows one token in one head; elsewhere than in the app it follows when asked to. */
  tell() {
    const { panel, state, size, host } = this.frame;
    const { token, head, layer } = this.frame.chosen;
    const isSame = token === panel.token && head === panel.head && layer === panel.layer;
    this.root.hidden = !host.options.onPick || this.isQuiet;
    const where = (each) => (each ? `the patch in ${patchText(each, size)}` : "the class token");
    const follower = host.options.follower ?? "Below, the page follows";
    change(this.text, `${follower} ${where(panel.token)} in head ${panel.head} of layer ${panel.layer}.`);
    change(this.button, isSame ? "" : `Follow ${where(state.rest)}, head ${head}, layer ${layer}`);
    this.button.style.visibility = isSame ? "hidden" : "visible";
  }
}

/** Nothing is written where nothing changes: it would be read out again. */
function change(node, text) {
  if (node.textContent !== text) node.textContent = text;
}
