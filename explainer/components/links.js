// Linked views: equation, code line, table row, proof and picture of one tensor light up together.
//
// An element says in data-link what it makes or shows, and in data-reads what it is made of: keys of
// explainer/links.py, with spaces between them. What is under the pointer, or else has the keyboard's focus, is marked
// data-lit="made", and so is everything that makes or shows the same; what only reads it is marked "read". Symbols of
// an equation have no marks of their own: one that looks like the symbol of a table's row is that row's tensor.

const AREAS = 'tr, [class*="st-key-equation_"]'; // what a mark inside stands for
const SYMBOLS = '.katex-html [style*="color"]';

class Links {
  constructor() {
    this.roots = new Set([document]); // of the page, and of every canvas on it
    this.pointed = this.focused = null; // what was found there
    document.addEventListener("pointerover", (event) => this.set("pointed", this.sourceOf(event)));
    document.documentElement.addEventListener("pointerleave", (event) => {
      if (event.pointerType !== "touch") this.set("pointed", null); // a tap stays until the next
    });
    document.addEventListener("focusin", (event) => {
      const isByKeyboard = event.composedPath()[0].matches?.(":focus-visible");
      this.set("focused", isByKeyboard ? this.sourceOf(event) : null);
    });
    document.addEventListener("focusout", () => this.set("focused", null));
  }

  get source() {
    return this.pointed ?? this.focused;
  }

  set(name, source) {
    const before = this.source;
    this[name] = source;
    if (this.source?.id !== before?.id) this.light();
  }

  /** {id, makes, reads, isStep} of what an event happened on; null if that is about no tensor. */
  sourceOf(event) {
    const path = event.composedPath();
    const symbol = symbolAround(path[0]);
    const tensor = symbol && tensorsBySymbol().get(appearance(symbol));
    if (tensor) return tensor;
    for (const node of path) {
      const linked = node.dataset?.link != null ? node : node.matches?.(AREAS) && node.querySelector("[data-link]");
      if (linked) return described(linked);
    }
    return null;
  }

  /** Mark everything anew: what was marked may be gone, and what is there may be new. */
  light() {
    const { source } = this;
    const tensors = source && tensorsBySymbol();
    for (const root of this.roots) {
      for (const node of root.querySelectorAll("[data-lit]")) delete node.dataset.lit;
      if (!source) continue;
      for (const node of root.querySelectorAll("[data-link]")) light(node, relation(source, described(node)));
      for (const node of root.querySelectorAll(SYMBOLS)) {
        const tensor = symbolAround(node) === node && tensors.get(appearance(node));
        if (tensor) light(node, relation(source, tensor));
      }
    }
    for (const root of this.roots) root.dispatchEvent(new Event("vit-lit")); // for what is painted
  }

  /** The pointer or the arrow keys are at a part of a picture that shows these tensors. */
  pointInside(node, tensors) {
    if (tensors.length) node.dataset.link = tensors.join(" ");
    else delete node.dataset.link;
    const name = node.querySelector(":focus-visible") ? "focused" : "pointed";
    this.set(name, tensors.length ? described(node) : null);
  }

  /** A canvas has come, has changed, or goes. */
  join(root) {
    this.roots.add(root);
    if (this.source) this.light();
  }

  leave(root) {
    this.roots.delete(root);
  }
}

function light(node, relation) {
  if (relation) node.dataset.lit = relation;
}

const keysOf = (text) => (text ? text.split(" ") : []);
const sharesAny = (some, others) => some.some((key) => others.includes(key));

function described({ dataset: { link, reads } }) {
  return { id: `${link} from ${reads}`, makes: keysOf(link), reads: keysOf(reads), isStep: reads != null };
}

/** "made", "read" or null. Two steps of the computation have to do with each other only if they make the same. */
function relation(one, other) {
  if (sharesAny(one.makes, other.makes)) return "made";
  const isRead = sharesAny(one.reads, other.makes) || sharesAny(one.makes, other.reads);
  return isRead && one.isStep !== other.isStep ? "read" : null;
}

/** The symbol of an equation that a node belongs to: its outermost element of one colour. */
function symbolAround(node) {
  if (!node.closest?.(".katex-html")) return null;
  let symbol = null;
  for (let at = node; !at.matches(".katex-html"); at = at.parentElement) if (at.style.color) symbol = at;
  return symbol;
}

const appearance = (symbol) => `${symbol.style.color} ${symbol.textContent}`;

/** What the symbols of tables stand for, by their looks. */
function tensorsBySymbol() {
  const tensors = new Map();
  for (const row of document.querySelectorAll("tr:has([data-link])")) {
    const symbol = row.querySelector(SYMBOLS);
    const isAlone = symbol && symbol.textContent === symbol.closest(".katex-html").textContent;
    if (isAlone) tensors.set(appearance(symbol), described(row.querySelector("[data-link]")));
  }
  return tensors;
}

const links = (globalThis.__vitLinks ??= new Links());
