// The controls of a page that changes the forward pass: what they make, the server says; the browser chooses it.

/* global CHANGES_PATH */

const MOST_STEPS = 100; // back
const DOES = ["take", "choose", "check", "do", "open"]; // of what a control does: its data attributes

export class Changing {
  /** `root` has the controls; `open(pick)` opens another page. */
  constructor(root, choice, base, open) {
    this.root = root;
    this.choice = choice;
    this.base = base;
    this.open = open;
    this.past = [];
    this.future = [];
    this.present = choice.value.changes;
    this.last = Promise.resolve(); // what was asked for last
    this.follow = () => this.note();
    choice.followers.add(this.follow);
    this.onClick = (event) => this.click(event);
    this.onChange = (event) => this.change(event);
    this.onKey = (event) => this.key(event);
    root.addEventListener("click", this.onClick);
    root.addEventListener("change", this.onChange);
    document.addEventListener("keydown", this.onKey);
    this.watcher = new MutationObserver(() => this.show()); // the buttons are written anew with each change
    this.watcher.observe(root, { childList: true, subtree: true });
    this.show();
  }

  click(event) {
    const { control, name, value } = controlOf(event);
    if (!control?.matches("button")) return;
    if (name === "take") this.take(value);
    else if (name === "choose") this.choose(value);
    else if (name === "open") this.open({ page: value, changes: this.choice.value.changes });
    else if (value === "clear") this.choice.choose({ changes: "" });
    else this.step(value);
  }

  change(event) {
    const { control, name, value } = controlOf(event);
    if (!control || control.matches("button")) return;
    if (name === "take") this.take(value + control.value);
    else if (name === "check") this.check(value, control.value);
    else this.choose(value, control.value);
  }

  choose(text, value = "") {
    const chosen = Object.fromEntries(new URLSearchParams(text + encodeURIComponent(value)));
    const { checkpoint } = this.choice.value;
    // Of another model the server knows the sizes.
    if ((chosen.checkpoint ?? checkpoint) !== checkpoint) this.open(this.choice.typed(chosen));
    else this.choice.choose({ ...chosen, first: "" });
  }

  /** Changes that were typed, which the server reads first. */
  check(name, text) {
    if (!text || text === "none") this.choice.choose({ [name]: text });
    else this.take(`text:${text}`, name);
  }

  /** A stroke over patches, or a head of the grid; whether it was one. */
  pick(pick) {
    const { tool, first, replacement } = this.choice.value;
    if (pick.changed_head != null) this.take(`head:${pick.changed_head}.${replacement}`);
    else if (pick.patches == null) return false;
    else if (tool !== "swap") this.take(`${tool}:${pick.patches}`);
    else if (pick.patches.includes(",")) this.take(`swap:${pick.patches}`);
    else if (!first) this.choice.choose({ first: pick.patches });
    else {
      this.choice.choose({ first: "" });
      this.take(`swap:${first},${pick.patches}`);
    }
    return true;
  }

  /** One action after the other: the next changes what this one has made. */
  take(action, name = "changes") {
    this.last = this.last.then(async () => {
      const parameters = new URLSearchParams({ ...this.choice.whole, take: action });
      const response = await fetch(new URL(`${CHANGES_PATH}?${parameters}`, this.base).href).catch(() => null);
      const text = response ? await response.text() : "The server does not answer. Nothing was changed.";
      if (response?.ok) this.choice.choose({ [name]: text });
      this.say(response?.ok ? "" : text);
    });
  }

  say(sentence) {
    const place = this.root.querySelector(".vit-problem");
    if (!place) return;
    place.textContent = sentence;
    place.hidden = !sentence;
  }

  /** Something was chosen: if it was changes, the way back leads to those before. */
  note() {
    const { changes } = this.choice.value;
    if (changes === this.present) return;
    if (!this.isStepping) {
      this.past = [...this.past, this.present].slice(-MOST_STEPS);
      this.future = [];
    }
    this.present = changes;
    this.show();
  }

  step(name) {
    const [from, to] = name === "undo" ? [this.past, this.future] : [this.future, this.past];
    if (!from.length) return;
    to.push(this.present);
    this.isStepping = true;
    this.choice.choose({ changes: from.pop() });
    this.isStepping = false;
    this.show();
  }

  show() {
    const canDo = { undo: this.past.length, redo: this.future.length, clear: this.present };
    for (const button of this.root.querySelectorAll("[data-do]")) {
      const state = String(!canDo[button.dataset.do]);
      if (button.getAttribute("aria-disabled") !== state) button.setAttribute("aria-disabled", state);
    }
  }

  key(event) {
    const isUndo = (event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "z";
    if (!isUndo || event.composedPath()[0].matches?.("input, textarea")) return;
    event.preventDefault();
    this.step(event.shiftKey ? "redo" : "undo");
  }

  destroy() {
    this.watcher.disconnect();
    this.choice.followers.delete(this.follow);
    this.root.removeEventListener("click", this.onClick);
    this.root.removeEventListener("change", this.onChange);
    document.removeEventListener("keydown", this.onKey);
  }
}

function controlOf(event) {
  const control = event.target.closest?.(DOES.map((name) => `[data-${name}]`).join());
  const name = DOES.find((each) => control?.dataset[each] != null);
  return { control, name, value: name && control.dataset[name] };
}

/** Write a place anew; the control that had the focus has it afterwards, by what it does. */
export function keepFocus(place, write) {
  const focused = document.activeElement;
  const inside = place.contains(focused) ? [...place.querySelectorAll("button, input, select")].indexOf(focused) : -1;
  /** @type {DOMStringMap} */
  const does = focused instanceof HTMLElement ? focused.dataset : {};
  const name = DOES.find((each) => does[each] != null);
  write();
  if (inside < 0) return;
  const found = name && place.querySelector(`[data-${name}="${CSS.escape(does[name] ?? "")}"]`);
  (found ?? place.querySelectorAll("button, input, select")[inside])?.focus();
}
