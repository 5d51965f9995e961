// Where the picture under the pointer has its parts.

import { clamp } from "../drawing/numbers.js";
import { MAP_LABEL } from "./painting/maps.js";
import { SIGHT_FOOT, SIGHT_HEAD } from "./painting/sight.js";

/** Sizes for a width: the pictures, at most `highest`, what is read next to them, and the maps of all heads. */
export function layoutLooks(panel, width, paint, directions, highest = Infinity) {
  const cells = panel.grid_size;
  const heads = panel.weights.heads;
  const isStacked = width < 700;
  const between = 30;
  const room = isStacked ? width - 4 : (width - between * directions.length - 236) / directions.length;
  const most = Math.max(150, Math.min(directions.length === 1 ? 520 : 440, highest));
  const step = cells / paint.ratio;
  const size = Math.max(step, Math.floor(Math.min(room, most) / step) * step);
  const beside = width - directions.length * (size + between) - 6;
  const reading = isStacked
    ? { width: Math.min(width - 4, 460), height: 76 + directions.length * (31 + 25 * 3) }
    : { width: Math.min(beside, 380), height: SIGHT_HEAD + size + SIGHT_FOOT };
  const fitting = Math.floor((reading.height - 190) / directions.length / 25) - 1;
  const partners = isStacked ? 3 : clamp(fitting, 3, directions.length === 1 ? 8 : 4);
  const free = reading.height - 82 - directions.length * (31 + 25 * partners);
  const matrix = !isStacked && panel.weights.codes && free > 64 ? Math.min(free - 4, reading.width * 0.6, 170) : 0;
  const maps = layoutMaps(width, heads, cells, directions.length, paint);
  return { width, size, between, isStacked, reading, partners, matrix, maps };
}

/** Tiles as large as fill the width in lines of equal length. */
function layoutMaps(width, heads, cells, count, paint) {
  const inner = count > 1 ? 5 : 0;
  const gap = count > 1 ? 20 : 14;
  const [smallest, largest] = [count > 1 ? 66 : 76, count > 1 ? 132 : 176];
  const room = (perRow) => ((width - 8 - (perRow - 1) * gap) / perRow - inner * (count - 1)) / count;
  const fitting = Array.from({ length: heads }, (_, i) => heads - i).filter((perRow) => room(perRow) >= smallest);
  const even = fitting.filter((perRow) => heads % perRow === 0);
  const most = fitting[0] ?? 1;
  const perRow = even.find((each) => Math.ceil(heads / each) <= Math.ceil(heads / most) * 2) ?? most;
  const pixel = 1 / paint.ratio;
  const wide = Math.min(room(perRow), largest);
  const side = Math.floor(wide / cells / pixel) * pixel;
  const tile = side >= 2 * pixel ? side * cells : Math.floor(wide);
  const lines = Math.ceil(heads / perRow);
  return {
    perRow,
    tile,
    inner,
    gap,
    top: 6,
    cell: tile * count + inner * (count - 1),
    height: 6 + lines * (tile + MAP_LABEL + 8),
  };
}
