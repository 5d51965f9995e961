// The pointer and the keys.

import { clamp } from "../drawing/numbers.js";

export const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** Whether a key asks how a number was computed. */
export const asksForNumber = ({ key, ctrlKey, metaKey, altKey }) =>
  key.toLowerCase() === "n" && !ctrlKey && !metaKey && !altKey;

/** Where a click is: browsers cut its coordinates to whole pixels, but keep those of the press, as hovering has. */
export const whereClicked = (click, pressed) =>
  pressed && Math.hypot(click.clientX - pressed.clientX, click.clientY - pressed.clientY) < 2 ? pressed : click;

/** How much larger an element is on the screen than it was laid out: a view that has to fit is drawn smaller. */
export const zoomOf = (node) => node.getBoundingClientRect().width / node.offsetWidth || 1;

/** Where an event is, in pixels of an element. */
export function placeIn(node, event) {
  const { left, top } = node.getBoundingClientRect();
  const zoom = zoomOf(node);
  return { x: (event.clientX - left) / zoom, y: (event.clientY - top) / zoom };
}

/** Where an arrow leads on a grid of patches; above them is the class token, where it has a place. */
export function nextToken(token, size, right, down, hasClassToken = true) {
  if (token === 0) return right > 0 || down > 0 ? 1 : 0;
  const row = Math.floor((token - 1) / size) + down;
  if (row < 0 && hasClassToken) return 0;
  return clamp(row, 0, size - 1) * size + clamp(((token - 1) % size) + right, 0, size - 1) + 1;
}
