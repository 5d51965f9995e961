// What every panel has on the page: its title with a menu, its body, its caption; and its files.

import { canBeExact, exactPanel, hasRounded } from "./decode.js";
import { csvOf, npyOf, safetensorsOf, save, slug } from "./files.js";
import { PanelMenu } from "./menu.js";
import { TableDialog } from "./table.js";
import { element } from "../drawing/element.js";
import { plainText, richNodes, wrapped } from "../drawing/text.js";

const ROUNDED =
  "Rounded to travel, in 255 steps a row or map: only digits that are sure are written, the last to within 1, " +
  "and sums of them accordingly.";

export class Shell {
  /** `frame` is the panel that is inside: {host, kind, panel, picture()}. */
  constructor(frame) {
    this.frame = frame;
    this.dot = element("span", "dot", { "aria-hidden": "true" });
    this.title = element("h3", "title");
    this.menu = new PanelMenu(() => this.ways());
    this.body = element("div", "body");
    this.caption = element("p", "caption");
    this.head = element("header", "head", {}, this.dot, this.title, this.menu.root);
    this.root = element("section", "panel", {}, this.head, this.body, this.caption);
  }

  /** What can be done with the panel here: without a server nothing is drawn for print. */
  ways() {
    const { host, kind } = this.frame;
    const ways = [
      ["Table", "to read", () => this.readTable()],
      ["PNG", "picture", () => this.savePicture()],
    ];
    const draw = host.options.figure?.(host.frames.flat().indexOf(this.frame), host.view);
    for (const format of draw ? ["SVG", "PDF"] : [])
      ways.push([format, "drawn for print", () => this.saveFigure(draw, format.toLowerCase())]);
    ways.push(["CSV", "table", () => this.saveTable()]);
    const count = canBeExact(this.shown, host.options.loadExact) ? (kind.numbers?.(this.shown).length ?? 0) : 0;
    if (count === 1) ways.push([".npy", "exact, for NumPy", () => this.saveNumbers("npy")]);
    if (count) ways.push([".safetensors", "exact, with names", () => this.saveNumbers("safetensors")]);
    return ways;
  }

  show(panel) {
    this.title.replaceChildren(...richNodes(panel.title));
    this.root.dataset.kind = panel.kind;
    if (panel.tensors?.length) this.root.dataset.link = panel.tensors.join(" ");
    else delete this.root.dataset.link;
    this.root.style.flexGrow = panel.weight;
    this.caption.replaceChildren(...richNodes(panel.caption));
    this.caption.hidden = !panel.caption;
    this.menu.name(plainText(panel.title));
  }

  /** Room for the caption with its longest numbers and names, so that other values move nothing below it. */
  reserveCaption() {
    if (this.caption.hidden) return;
    const style = getComputedStyle(this.caption);
    const font = `${style.fontWeight} ${style.fontSize} ${style.fontFamily}`;
    const longest = this.frame.panel.caption
      .replaceAll("the class token", "the patch in row 2, column 2")
      .replace(/−?\d[\d.,]*( · 10[⁻⁰-⁹]+)?/g, (number) => {
        if (number.length > 7) return number;
        return number.includes(".") ? "−0.0000" : number.padEnd(2, "0");
      });
    const width = Math.min(this.caption.clientWidth, parseFloat(style.maxWidth) || Infinity);
    const lines = wrapped(longest, width, font).length;
    this.caption.style.minHeight = `${lines * parseFloat(style.lineHeight)}px`;
  }

  /** What the page says of itself: its name, and what is chosen on it. */
  get names() {
    return this.frame.host.options.fileName?.() ?? {};
  }

  /** The panel's title between these: "attention-q-layer-3-head-1". */
  fileName() {
    const { before = "", after = "" } = this.names;
    return slug([before, plainText(this.frame.panel.title), after].join(" "));
  }

  savePicture() {
    this.frame.picture().toBlob((blob) => save(blob, `${this.fileName()}.png`), "image/png");
  }

  /** What a file is made of. */
  get shown() {
    return this.frame.kind.printed?.(this.frame.panel) ?? this.frame.panel;
  }

  /** The same with the model's own values, if they can be had. */
  exact() {
    const { token } = this.shown.live ?? this.shown;
    return exactPanel(this.shown, this.frame.host.options.loadExact, token);
  }

  /** The panel as a table prints it, and whether its numbers are not the model's own. */
  async printed() {
    const panel = await this.exact().catch(() => this.shown);
    return { lines: this.frame.kind.table(panel), isRounded: hasRounded(panel) };
  }

  async readTable() {
    const { lines, isRounded } = await this.printed();
    const { host, panel } = this.frame;
    host.table ??= new TableDialog(host.root);
    host.table.show(panel.title, panel.caption || panel.title, lines, isRounded ? ROUNDED : "");
  }

  async saveTable() {
    const { lines, isRounded } = await this.printed();
    if (isRounded) lines[0][0] += " (rounded: the last digit may be off by 1)";
    save(new Blob([csvOf(lines)], { type: "text/csv;charset=utf-8" }), `${this.fileName()}.csv`);
  }

  /** Its numbers in 32 bits, pixels in 8. */
  saveNumbers(format) {
    const { title, caption } = this.frame.panel;
    const { before = "", after = "" } = this.names;
    const facts = { title: plainText(title), caption: plainText(caption), of: `${before} ${after}`.trim() };
    this.attempt(async () => {
      const arrays = this.frame.kind.numbers(await this.exact());
      save(format === "npy" ? npyOf(arrays[0][1]) : safetensorsOf(arrays, facts), `${this.fileName()}.${format}`);
    });
  }

  saveFigure(draw, format) {
    this.frame.host.say(`The ${format.toUpperCase()} is drawn.`);
    this.attempt(async () => save(new Blob([await draw(format)]), `${this.fileName()}.${format}`));
  }

  /** Do it; if that is not possible, a sentence says why. */
  async attempt(action) {
    try {
      await action();
    } catch (/** @type {any} */ error) {
      this.frame.host.explain(`This file could not be made: ${error.message}`);
    }
  }
}
