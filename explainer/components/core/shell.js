// What every panel has on the page: its title with a menu, its body, its caption; and its files.

import { exactPanel, hasRounded } from "./decode.js";
import { element, makeStop } from "../drawing/element.js";
import { ARROWS } from "./input.js";
import { TableDialog } from "./table.js";
import { plainText, richNodes, wrapped } from "../drawing/text.js";

const ROUNDED =
  "Rounded to travel, in 255 steps a row or map: only digits that are sure are written, the last to within 1, " +
  "and sums of them accordingly.";

const MENU = { Table: "read as table", PNG: "save as picture (PNG)", CSV: "save as table (CSV)" };

export class Shell {
  /** `frame` is the panel that is inside: {host, kind, panel, picture()}. */
  constructor(frame) {
    this.frame = frame;
    this.dot = element("span", "dot", { "aria-hidden": "true" });
    this.title = element("h3", "title");
    this.menu = element("div", "menu", { role: "toolbar" }); // one stop of the Tab key; arrows go from button to button
    const actions = { Table: () => this.readTable(), PNG: () => this.savePicture(), CSV: () => this.saveTable() };
    for (const [name, action] of Object.entries(actions)) {
      const button = element("button", "", { type: "button" }, name);
      button.addEventListener("click", action);
      this.menu.append(button);
    }
    makeStop(this.menu.children, this.menu.firstChild);
    this.menu.addEventListener("keydown", (event) => this.moveInMenu(event));
    this.body = element("div", "body");
    this.caption = element("p", "caption");
    this.head = element("header", "head", {}, this.dot, this.title, this.menu);
    this.root = element("section", "panel", {}, this.head, this.body, this.caption);
  }

  moveInMenu(event) {
    const buttons = [...this.menu.children];
    const next = buttons[buttons.indexOf(event.target) + (ARROWS[event.key]?.[0] ?? 0)];
    if (!next || next === event.target) return;
    event.preventDefault();
    makeStop(buttons, next);
    next.focus();
  }

  show(panel) {
    this.title.replaceChildren(...richNodes(panel.title));
    this.root.dataset.kind = panel.kind;
    if (panel.tensors?.length) this.root.dataset.link = panel.tensors.join(" ");
    else delete this.root.dataset.link;
    this.root.style.flexGrow = panel.weight;
    this.caption.replaceChildren(...richNodes(panel.caption));
    this.caption.hidden = !panel.caption;
    this.menu.setAttribute("aria-label", plainText(panel.title));
    for (const button of this.menu.children)
      button.setAttribute("aria-label", `${plainText(panel.title)}: ${MENU[button.textContent]}`);
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

  /** The panel's title between what the page says of itself: "attention-q-layer-3-head-1". */
  fileName() {
    const { before = "", after = "" } = this.frame.host.options.fileName?.() ?? {};
    return slug([before, plainText(this.frame.panel.title), after].join(" "));
  }

  savePicture() {
    this.frame.picture().toBlob((blob) => save(blob, `${this.fileName()}.png`), "image/png");
  }

  /** The panel as a table prints it: with the model's own values, if they can be had, and whether they could. */
  async printed() {
    const shown = this.frame.kind.printed?.(this.frame.panel) ?? this.frame.panel;
    const { token } = shown.live ?? shown;
    const panel = await exactPanel(shown, this.frame.host.options.loadExact, token).catch(() => shown);
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
    const quoted = (value) =>
      /[",\n]/.test(String(value)) ? `"${String(value).replaceAll('"', '""')}"` : String(value);
    const text = lines
      .map((row) => row.map((value) => quoted(plainText(value))).join(","))
      .join("\n");
    save(new Blob([`${text}\n`], { type: "text/csv;charset=utf-8" }), `${this.fileName()}.csv`);
  }
}

/** A file name in ASCII: letters as they are spelled (z₀ is z0), everything else a hyphen. */
const slug = (text) =>
  text
    .normalize("NFKD")
    .replace(/\p{M}/gu, "")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-|-$/g, "") || "panel";

function save(blob, name) {
  const link = element("a", "", { download: name });
  link.href = URL.createObjectURL(blob);
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}
