// Every kind of panel, by the name of its class in explainer/panels.py.
//
// A kind is a record of functions, nearly all pure. Each has these: `layout` says where things lie for a width, `draw`
// paints what stays, `mark` paints what is chosen and what the pointer is on, `hit` finds the cell (a whole number) at a
// place, `anchor` is where a cell's tooltip goes when a key led there, `describe` says what a cell holds, `pick` what a
// click on it chooses, `chosen` which cell is, `move` where an arrow key leads, `table` gives the numbers for a file,
// `applies` follows a choice. Some have these, too: `canPick` says whether a click can choose anything, `opensPages` that
// it leads to another page, `keys` what keys do, `first` where they begin, `below` where a tooltip hides no neighbour,
// `origin` which number of the forward pass a cell holds, `tensors` what a cell shows, `printed` what a file is made of,
// `hasClassToken` that a place for the class token is above it, `cell` where a cell lies, `frame` the class of its panel
// on the page; and, to stand small on a card of a flow, `drawSmall`, `smallCell` and `firstSmallCell`.

import { LOOKS } from "../looks/frame.js";
import { WALK } from "../walk/kind.js";
import { FLOW } from "./flow.js";
import { SIMPLE_KINDS } from "./simple.js";

export const KINDS = { ...SIMPLE_KINDS, Flow: FLOW, Looks: LOOKS, Walk: WALK };
