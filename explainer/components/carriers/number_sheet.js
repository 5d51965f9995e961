// The body of the sheet that explains a number: tables whose buttons lead to the numbers that it was made from.

import { page } from "../core/page.js";

const sheets = new WeakMap(); // parentElement -> {number}; survives every rerun

export default function ({ parentElement, data, setTriggerValue }) {
  const root = parentElement.querySelector(".vit-number");
  const sheet = sheets.get(parentElement) ?? {};
  sheets.set(parentElement, sheet);
  if (!sheet.body) {
    root.setAttribute("role", "region");
    root.setAttribute("aria-label", "How this number was computed");
    root.tabIndex = -1;
    sheet.spoken = Object.assign(document.createElement("p"), { className: "vit-unseen" });
    sheet.spoken.setAttribute("role", "status");
    sheet.body = document.createElement("div");
    root.replaceChildren(sheet.spoken, sheet.body);
  }
  root.onclick = (event) => {
    const button = event.target.closest("[data-number]");
    if (!button) return;
    sheet.takesFocus = true; // the button goes away with the table that it stands in
    setTriggerValue("number", button.dataset.number);
  };
  root.onkeydown = (event) => {
    if (event.key !== "Escape") return;
    event.preventDefault();
    setTriggerValue("close", true);
  };
  if (data.number !== sheet.number || data.html !== sheet.html) {
    Object.assign(sheet, { number: data.number, html: data.html });
    sheet.body.innerHTML = data.html; // written by the server, from numbers and its own words
    sheet.spoken.textContent = data.words;
    parentElement.closest(".st-key-number_sheet")?.scrollTo(0, 0);
    // Asked for by a key, the explanation takes the focus, and gives it back when it is closed.
    if (page.asker) [sheet.from, page.asker] = [page.asker, null];
    else if (!sheet.takesFocus) return clean;
    sheet.takesFocus = false;
    root.focus({ preventScroll: true });
  }
  return clean;

  function clean() {
    sheets.delete(parentElement);
    if (sheet.from?.isConnected) sheet.from.focus({ preventScroll: true });
  }
}
