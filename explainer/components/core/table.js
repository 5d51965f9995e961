// The numbers of a panel as a table, a window of it at a time: what there is to read where colours cannot be seen.

import { element } from "../drawing/element.js";
import { richNodes } from "../drawing/text.js";

const TABLE_ROWS = 40; // shown together
const TABLE_COLUMNS = 12; // beside the names of the rows

export class TableDialog {
  constructor(parent) {
    this.title = element("h3", "title", { id: "table-title" });
    this.close = element("button", "", { type: "button" }, "Close");
    this.rows = this.mover("rows", TABLE_ROWS);
    this.columns = this.mover("columns", TABLE_COLUMNS);
    this.table = element("table");
    // What scrolls can be reached by the keyboard, and then arrow keys scroll it.
    const named = { "aria-labelledby": "table-title" };
    this.scroll = element("div", "scroll", { tabindex: "0", role: "group", ...named }, this.table);
    const head = element("header", "head", {}, this.title, this.close);
    const movers = element("div", "movers", {}, this.rows.root, this.columns.root);
    this.root = element("dialog", "numbers", named, head, movers, this.scroll);
    this.close.addEventListener("click", () => this.root.close());
    this.root.addEventListener("click", (event) => event.target === this.root && this.root.close()); // beside it
    parent.append(this.root);
  }

  /** Two buttons and, between them, which of the rows or columns are shown. */
  mover(name, most) {
    const button = (words, steps) => {
      const node = element("button", "", { type: "button" }, words);
      node.addEventListener("click", () => this.move(name, steps));
      return node;
    };
    const [back, on] = [button(`Previous ${name}`, -1), button(`Next ${name}`, 1)];
    const where = element("span", "", { role: "status" });
    return { most, start: 0, count: 0, back, on, where, root: element("div", "mover", {}, back, where, on) };
  }

  /**
   * `lines` as a panel's kind makes them: names of the columns first, the name of its row first in every line; `note`
   * says what is to be known of the numbers.
   */
  show(title, caption, lines, note = "") {
    this.note = note;
    this.title.replaceChildren(...richNodes(title));
    this.caption = caption;
    this.lines = lines;
    this.rows.count = lines.length - 1;
    this.columns.count = lines[0].length - 1;
    this.rows.start = this.columns.start = 0;
    this.fill();
    this.root.showModal(); // keeps the focus inside, closes by Escape, and gives the focus back
  }

  move(name, steps) {
    const mover = this[name];
    const start = mover.start + steps * mover.most;
    if (start < 0 || start >= mover.count) return;
    mover.start = start;
    this.fill();
    this.scroll.scrollTo(0, 0);
  }

  fill() {
    for (const [name, mover] of Object.entries({ Rows: this.rows, Columns: this.columns })) {
      const { start, most, count } = mover;
      mover.root.hidden = count <= most;
      mover.where.textContent = `${name} ${start + 1} to ${Math.min(start + most, count)} of ${count}`;
      // Not `disabled`, which would take the focus away from who has just come to the end.
      mover.back.setAttribute("aria-disabled", String(start === 0));
      mover.on.setAttribute("aria-disabled", String(start + most >= count));
    }
    const first = 1 + this.columns.start;
    const cells = (line) => line.slice(first, first + TABLE_COLUMNS);
    const [names, ...lines] = this.lines;
    const head = (text, scope) => element("th", "", { scope }, ...richNodes(text));
    const row = (...children) => element("tr", "", {}, ...children);
    const value = (text) => element("td", "", {}, ...richNodes(text));
    const rows = lines.slice(this.rows.start, this.rows.start + TABLE_ROWS);
    this.table.replaceChildren(
      element("caption", "", {}, ...richNodes(this.caption), ...(this.note ? [element("br"), this.note] : [])),
      element("thead", "", {}, row(...[names[0], ...cells(names)].map((name) => head(name, "col")))),
      element("tbody", "", {}, ...rows.map((line) => row(head(line[0], "row"), ...cells(line).map(value)))),
    );
  }
}
