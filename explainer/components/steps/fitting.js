// Formulas that are wider than their place are written smaller, as far as they stay readable; then they scroll.

const SMALLEST = 0.62;

export function fitFormulas(root) {
  const lines = [...root.querySelectorAll(".vit-formula, .vit-numbers")];
  for (const line of lines) line.style.fontSize = "";
  const shares = lines.map((line) => line.clientWidth / Math.max(1, line.scrollWidth)); // all read, then all written
  lines.forEach((line, i) => {
    if (shares[i] < 1) line.style.fontSize = `${Math.max(SMALLEST, shares[i] * 0.985)}em`;
  });
}
