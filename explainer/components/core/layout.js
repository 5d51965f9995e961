// Where the panels of a mounted view lie, and how large they are.

// What a view may shrink to so that it fits: its pictures, and all of it with its letters.
const FITS = [
  [0.85, 1],
  [0.7, 1],
  [0.7, 0.92],
  [0.6, 0.86],
  [0.55, 0.8],
  [0.5, 0.74],
  [0.45, 0.7],
  [0.4, 0.68],
  [0.3, 0.66],
  [0.3, 0.58],
];

export function layOut(view) {
  view.width = view.root.clientWidth;
  view.root.classList.toggle("narrow", (view.options.room ? innerWidth : view.width) < 640);
  view.frames.forEach((row) => align(row, view));
  for (const frame of view.frames.flat()) frame.measure();
}

/** Smaller pictures, then everything smaller as far as it stays readable, until `most` pixels hold the view. */
export function fitInto(most, view) {
  for (const [shrink, zoom] of FITS) {
    if (view.root.getBoundingClientRect().height <= most) return;
    view.paint.shrink = shrink;
    view.root.style.zoom = String(zoom);
    layOut(view);
  }
}

/** Panels next to each other start at one height, whatever their titles and what lies above their pictures. */
function align(row, view) {
  for (const frame of row) frame.head.style.minHeight = "";
  const isBeside = row.length > 1 && !view.root.classList.contains("narrow");
  const tallest = isBeside ? Math.max(...row.map((frame) => frame.head.offsetHeight)) : 0;
  const hasPlace = isBeside && row.some((frame) => frame.kind.hasClassToken?.(frame.panel));
  for (const frame of row) if (tallest) frame.head.style.minHeight = `${tallest}px`;
  for (const frame of row) frame.panel.leavesPlace = hasPlace;
}
