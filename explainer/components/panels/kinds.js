// Every kind of panel, by the name of its class in explainer/panels.
//
// A kind is a record of functions, nearly all pure. `layout` says where things lie for a width, `draw` paints what
// stays, `mark` paints what is chosen and what the pointer is on, `hit` finds the cell (a whole number) at a place,
// `anchor` is where a cell's tooltip goes when a key led there, `describe` says what a cell holds, `pick` what a click
// on it chooses, `chosen` which cell is, `move` where an arrow key leads, `table` gives the numbers as text for a file,
// `numbers` the arrays [name, {shape, data}] themselves, `applies` follows a choice.
//
// Not every kind needs these: `canPick` says whether a click can choose anything, `opensPages` that it leads to
// another page, `keys` what keys do, `first` where they begin, `below` where a tooltip hides no neighbour, `origin`
// which number of the forward pass a cell holds, `tensors` what it shows, `printed` what a file is made of,
// `hasClassToken` that the class token has a place above the panel, `cell` where a cell lies. On a card of a flow,
// `drawSmall` paints the panel small, and `smallCell` and `firstSmallCell` find a cell there. A kind whose panel is
// more than a canvas on the page says so by `frame`, a class that stands for core/panel.js.

import { LOOKS } from "../looks/kind.js";
import { WALK } from "../walk/kind.js";
import { FLOW } from "./flow.js";
import { SIMPLE_KINDS } from "./simple.js";

export const KINDS = { ...SIMPLE_KINDS, Flow: FLOW, Looks: LOOKS, Walk: WALK };
