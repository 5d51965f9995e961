// Formulas that are wider than their place are written smaller, as far as they stay readable; then they scroll, and
// are stops of the keyboard, with which they can be scrolled.

const SMALLEST = 0.62;

export function fitFormulas(root) {
  const lines = [...root.querySelectorAll(".vit-formula, .vit-numbers")];
  for (const line of lines) line.style.fontSize = "";
  const shares = lines.map((line) => line.clientWidth / Math.max(1, line.scrollWidth)); // all read, then all written
  lines.forEach((line, i) => {
    const share = shares[i] * 0.985;
    if (shares[i] < 1) line.style.fontSize = `${Math.max(SMALLEST, share)}em`;
    if (share < SMALLEST) line.tabIndex = 0;
    else line.removeAttribute("tabindex");
  });
}
