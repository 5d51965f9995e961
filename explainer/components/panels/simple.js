// The kinds of panel that stand alone, and on a card of a flow.

import { BARS } from "./bars.js";
import { MATRIX } from "./matrix.js";
import { PICTURE } from "./picture.js";
import { PLOT } from "./plot.js";
import { STACKED } from "./stacked.js";
import { STRIPS } from "./strips.js";
import { TILES } from "./tiles.js";

export const SIMPLE_KINDS = {
  Picture: PICTURE,
  Matrix: MATRIX,
  Tiles: TILES,
  Strips: STRIPS,
  Bars: BARS,
  Plot: PLOT,
  StackedBars: STACKED,
};
