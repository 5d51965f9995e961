// What is chosen in the picture under the pointer: layer, head and token, how it is shown, and the pins.

// What the address does not say while other pages are open. A page that is loaded anew has its address alone: whoever
// opens a link sees what its sender saw.
/** @type {any} */
const kept = { look: "", pins: { count: 0, tokens: [] } };

const LETTERS = "ABCDEF";

export class LooksState {
  /** `host` is the mounted view, which knows the address and the colours of pins. */
  constructor(host) {
    this.host = host;
    this.pins = []; // {token, letter, colour, values}
    /** @type {any} */
    this.weights = null; // LooksWeights
    this.showsAllAtFirst = !host.options.room; // the maps of all heads need room of their own
    this.takeLook(host.options.recall?.("look") ?? kept.look);
  }

  /** What the panel shows and how, as words of the address: only what is not as it is at first. */
  get look() {
    const words = [
      this.direction !== "both" && this.direction,
      this.scale === "shared" && "shared",
      this.show === "light" && "light",
      this.showsAll !== this.showsAllAtFirst && (this.showsAll ? "all" : "chosen"),
      this.likesMean && "mean",
    ];
    return words.filter(Boolean).join(".");
  }

  takeLook(text) {
    const words = new Set((text ?? "").split("."));
    this.direction = ["row", "column"].find((word) => words.has(word)) ?? "both";
    this.scale = words.has("shared") ? "shared" : "own";
    this.show = words.has("light") ? "light" : "heat";
    this.showsAll = this.showsAllAtFirst ? !words.has("chosen") : words.has("all");
    this.likesMean = words.has("mean");
  }

  /** A panel has come: what it chooses is chosen, if it is new. `isOpen`: a choice waits to be told. */
  take(panel, before, { isOpen, isPointedAt }) {
    const isNew = (name) => !before || before[name] !== panel[name];
    const isSame = before && before.weights.tokens === panel.weights.tokens;
    // While a choice waits to be told, the answer to one before it must not undo it.
    const isNewer = (name) => isNew(name) && !isOpen;
    this.tokens = panel.weights.tokens;
    if (isNewer("head")) this.ofHead = !before && this.likesMean ? 0 : panel.head;
    if (this.ofHead > panel.weights.heads) this.ofHead = panel.head;
    this.likesMean = this.ofHead === 0;
    if (isNewer("layer") || !panel.layers.includes(this.layer)) this.layer = panel.layer;
    if (isNewer("token") || !isSame) this.rest = panel.token;
    if (!isSame || this.token === undefined) this.token = this.rest;
    if (isNewer("token") && !isPointedAt) this.token = this.rest;
    if (!isSame) {
      this.pins = [];
      this.recallPins();
    }
    this.forgetPinned();
  }

  /** The reader went back to another address of this page: what only the browser knows of it is as it was there. */
  goBack(head) {
    this.takeLook(this.host.options.recall?.("look"));
    this.ofHead = this.likesMean ? 0 : this.ofHead || head;
    this.pins = [];
    this.pinAll(this.host.options.recall?.("pins"));
  }

  change(choice) {
    Object.assign(this, choice);
    if ("ofHead" in choice) this.likesMean = this.ofHead === 0;
    if ("layer" in choice) this.forgetPinned();
  }

  /** The weights of pins have to be read anew. */
  forgetPinned() {
    for (const pin of this.pins) pin.values = null;
  }

  get isFull() {
    return this.pins.length === LETTERS.length;
  }

  get directions() {
    return this.direction === "both" ? ["row", "column"] : [this.direction];
  }

  pinOf(token) {
    return this.pins.find((pin) => pin.token === token);
  }

  pin(token) {
    const slot = [...LETTERS].findIndex((letter) => !this.pins.some((pin) => pin.letter === letter));
    this.pins.push({ token, letter: LETTERS[slot], colour: this.host.view.palette.pins[slot], values: null });
  }

  unpin(pin) {
    this.pins = this.pins.filter((each) => each !== pin);
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
    const before = kept.pins.count === this.tokens ? kept.pins.tokens.join(".") : "";
    this.pinAll(this.host.options.recall?.("pins") ?? before);
  }

  pinAll(text) {
    for (const token of new Set(text ? text.split(".").map(Number) : []))
      if (Number.isInteger(token) && token >= 0 && token < this.tokens && !this.isFull)
        this.pin(token);
  }
}
