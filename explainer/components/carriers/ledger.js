// A ledger on a page: it is searched without asking the server, and what is unfolded stays so when it changes.
// The table itself is HTML that needs none of this: explainer/shapes/rendering/html.py.

const ledgers = new WeakMap(); // parentElement -> its parts; survives every rerun

export default function ({ parentElement, data, setTriggerValue }) {
  let parts = ledgers.get(parentElement);
  if (!parts?.root.isConnected) ledgers.set(parentElement, (parts = build(parentElement, data)));
  parts.setTriggerValue = setTriggerValue;
  if (parts.html === data.html) return;
  const open = new Set([...parts.table.querySelectorAll("details[open]")].map(keyOf));
  const first = parts.html === undefined;
  parts.html = data.html;
  parts.table.innerHTML = data.html;
  for (const details of parts.table.querySelectorAll("details")) details.open = !first && open.has(keyOf(details));
  for (const link of parts.table.querySelectorAll("a[data-equation]")) {
    link.dataset.stage = link.getAttribute("href");
    link.href = link.dataset.stage + location.search; // for a new tab
  }
  search(parts);
}

/** A block is known by its place: its name says how many it stands for, and that may change. */
const keyOf = (details) => [...details.parentElement.querySelectorAll("details")].indexOf(details);

function build(parent, data) {
  const root = document.createElement("div");
  root.innerHTML = `<div class="vit-ledger-tools"><input type="search"><button type="button"></button>
    <span role="status" aria-live="polite"></span></div><div class="vit-ledger-place"></div>`;
  const style = document.createElement("style");
  style.textContent = data.style;
  parent.replaceChildren(style, root);
  /** @type {any[]} */
  const [field, button, said] = ["input", "button", "span"].map((tag) => root.querySelector(tag));
  /** @type {any} */
  const parts = { root, field, button, said, table: root.lastElementChild };
  field.placeholder = "Search: softmax, 3072, Eq. 5";
  const name = "Search the ledger: an operation, a size, an equation, a module, a word of the code";
  field.setAttribute("aria-label", name);
  field.addEventListener("input", () => search(parts));
  button.textContent = "Unfold all";
  button.addEventListener("click", () => {
    const all = [...parts.table.querySelectorAll("details")];
    const open = !all.every((each) => each.open);
    for (const each of all) each.open = open;
    label(parts);
  });
  parts.table.addEventListener("toggle", () => label(parts), true);
  parts.table.addEventListener("click", (/** @type {any} */ event) => {
    const link = event.target.closest?.("a[data-stage]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
    event.preventDefault(); // the app goes there without loading itself again
    parts.setTriggerValue("pick", { page: link.dataset.stage });
  });
  return parts;
}

function label({ table, button }) {
  const all = [...table.querySelectorAll("details")];
  button.hidden = all.length === 0;
  button.textContent = all.length && all.every((each) => each.open) ? "Fold all" : "Unfold all";
}

/** Show the operations in which every word occurs, and unfold where they are; numbers match as whole numbers. */
function search(parts) {
  const { table, field, said } = parts;
  const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
  const tests = words.map((word) => {
    const number = /^\d+$/.test(word) && new RegExp(`(?<![\\d.])${word}(?![\\d.])`);
    return number ? (text) => number.test(text) : (text) => text.includes(word);
  });
  let found = 0, all = 0;
  for (const row of table.querySelectorAll("tbody > tr:not(.how)")) {
    const how = row.nextElementSibling?.classList.contains("how") ? row.nextElementSibling : null;
    // Cells have no space between them: 197 and 605 kB must not become one number.
    const cells = [...row.cells, ...(how?.cells ?? [])].map((cell) => cell.textContent);
    const text = cells.join("\n").toLowerCase();
    const fits = tests.every((test) => test(text));
    all += 1;
    found += fits;
    for (const each of [row, how]) each?.toggleAttribute("data-ledger-hidden", !fits);
  }
  for (const details of table.querySelectorAll("details")) {
    const some = details.querySelector("tbody > tr:not([data-ledger-hidden])");
    details.toggleAttribute("data-ledger-hidden", !some);
    if (words.length && some && !details.open) {
      details.open = true;
      details.dataset.opened = "";
    } else if (!words.length && "opened" in details.dataset) {
      details.open = false;
      delete details.dataset.opened;
    }
  }
  said.textContent = words.length ? `${found} of ${all} lines` : "";
  label(parts);
}
