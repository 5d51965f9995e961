// The pointer and the keys.

export const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** Whether a key asks how a number was computed. */
export const asksForNumber = (event) => event.key.toLowerCase() === "n" && !event.ctrlKey && !event.metaKey && !event.altKey;

/** Where a click is: browsers cut its coordinates to whole pixels, those of the press that hovering showed they keep. */
export const whereClicked = (click, pressed) =>
  pressed && Math.hypot(click.clientX - pressed.clientX, click.clientY - pressed.clientY) < 2 ? pressed : click;

/** Where an event is, in pixels of an element. */
export function placeIn(node, event) {
  const { left, top } = node.getBoundingClientRect();
  return { x: event.clientX - left, y: event.clientY - top };
}
