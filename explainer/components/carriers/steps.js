// A page of steps as a Streamlit component: the reader's choice stays in the browser, which fetches what it shows.
//
// The Python side writes `loadCore`, a function that returns the promise of the core, before this text.

import { page } from "../core/page.js";
import { ChoiceBar } from "../steps/bar.js";
import { Changing } from "../steps/changing.js";
import { Choice } from "../steps/choice.js";
import { StepPage } from "../steps/page.js";
import { appAddress } from "./address.js";
import { fetchBytes, fileName, place, recall, remember } from "./app.js";

/* global EXACT_PATH, PATH, loadCore */

const instances = new WeakMap(); // parentElement -> Instance; survives every rerun

class Instance {
  constructor(parent) {
    this.root = document.createElement("div");
    parent.append(this.root);
    /** @type {any} */
    this.core = null; // what draws pictures
    this.isOver = false;
    /** @type {Changing | null} */
    this.changing = null;
    /** @type {ChoiceBar | null} */
    this.bar = null;
    /** @type {StepPage | null} */
    this.steps = null;
    page.choice ??= new Choice();
    this.choice = page.choice;
  }

  async take(data, setTriggerValue) {
    this.setTriggerValue = setTriggerValue;
    if (data === this.data) return;
    this.data = data;
    // Nothing is shown before there is something to draw with: each picture has its room from the first frame.
    this.core ??= await loadCore();
    if (data !== this.data || this.isOver) return;
    this.choice.hear(data);
    if (data.bar) {
      this.bar ??= new ChoiceBar(this.choice);
      this.root.before(this.bar.root);
      this.bar.take(data.bar);
      this.listen();
    }
    this.steps ??= new StepPage(this.root, {
      base: appAddress(),
      choice: this.choice,
      mountView: (parent, options) => this.mountView(parent, options),
      pick: (pick) => this.pick(pick),
      shown: () => {
        this.writeAddresses();
        this.bar?.projector.fit();
      },
    });
    this.steps.take(data);
    if (data.hasControls)
      this.changing ??= new Changing(this.root, this.choice, appAddress(), (pick) => this.tellMore(pick));
    this.bar?.projector.take({ redraw: (slug) => this.steps?.redraw(slug), recall, remember });
    this.showAddresses();
  }

  mountView(parent, options) {
    return this.core.mount(parent, null, {
      ...options,
      load: (digest) => fetchBytes(`${PATH}/${digest}`),
      loadExact: (name, token) => fetchBytes(`${EXACT_PATH}/${name}${token == null ? "" : `?token=${token}`}`),
      fileName,
      place,
      recall,
      remember,
      isFollowed: true,
    });
  }

  /** A choice stays here; a number to explain, or another page, is the server's. */
  pick(pick) {
    if (this.changing?.pick(pick)) return;
    this.choice.choose(pick);
    const rest = Object.fromEntries(Object.entries(pick).filter(([name]) => name === "number" || name === "page"));
    if (Object.keys(rest).length) this.tellMore(rest);
  }

  tellMore(pick) {
    this.setTriggerValue("pick", { ...this.choice.tell(), ...pick });
  }

  /** Whatever else is used may need the choice: then the server is told before. */
  listen() {
    if (this.tell) return;
    this.tell = (event) => {
      const isOurs = event.composedPath().some((node) => node.dataset?.steps != null);
      const isKey = event.type === "keydown" && !["Enter", " "].includes(event.key);
      if (isOurs || isKey || this.choice.isTold) return;
      this.setTriggerValue("pick", { ...this.choice.tell() });
    };
    for (const type of ["pointerdown", "keydown"]) document.addEventListener(type, this.tell, { capture: true });
    this.choice.followers.add((this.renewAddresses = () => this.showAddresses()));
  }

  /** Files that are made of the choice. */
  writeAddresses() {
    for (const link of /** @type {NodeListOf<HTMLAnchorElement>} */ (this.root.querySelectorAll("[data-path]"))) {
      const parameters = new URLSearchParams({ ...this.choice.whole, from: location.href });
      link.href = new URL(`${link.dataset.path}?${parameters}`, appAddress()).href;
    }
  }

  showAddresses() {
    this.writeAddresses();
    const { follows } = this.data;
    clearTimeout(this.resting);
    if (follows && !this.choice.isTold)
      this.resting = setTimeout(() => this.setTriggerValue("pick", { ...this.choice.tell() }), 400);
  }

  destroy() {
    this.isOver = true;
    clearTimeout(this.resting);
    for (const type of ["pointerdown", "keydown"])
      if (this.tell) document.removeEventListener(type, this.tell, { capture: true });
    if (this.renewAddresses) this.choice.followers.delete(this.renewAddresses);
    this.changing?.destroy();
    this.bar?.destroy();
    this.steps?.destroy();
  }
}

export default function ({ parentElement, data, setTriggerValue }) {
  const parent = parentElement.querySelector("[data-steps]");
  if (!instances.has(parentElement)) instances.set(parentElement, new Instance(parent));
  const instance = instances.get(parentElement);
  instance.take(data, setTriggerValue);
  return () => {
    instances.delete(parentElement);
    instance.destroy();
  };
}
