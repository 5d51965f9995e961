// Panels without words, as small pictures on the cards of a flow.

/**
 * The largest box of this aspect inside another, in its middle.
 * @returns {[number, number, number, number]}
 */
export function fitted(aspect, [x, y, width, height]) {
  const w = Math.min(width, height * aspect);
  return [x + (width - w) / 2, y + (height - w / aspect) / 2, w, w / aspect];
}

/**
 * The number of the cell of a small picture at a place; null beside it.
 * @param {number[]} box
 */
export function cellWithin([left, top, width, height], rows, columns, place) {
  const row = Math.floor(((place.y - top) / height) * rows);
  const column = Math.floor(((place.x - left) / width) * columns);
  return row >= 0 && column >= 0 && row < rows && column < columns ? row * columns + column : null;
}

/**
 * Where a token's patch is on a picture of size * size patches.
 * @param {number} token
 * @param {number} size
 * @param {number[]} box
 * @returns {[number, number, number, number]}
 */
export function patchBox(token, size, [x, y, width, height]) {
  const [row, column] = [Math.floor((token - 1) / size), (token - 1) % size];
  return [x + (column * width) / size, y + (row * height) / size, width / size, height / size];
}
