// The canvas as a widget of a notebook (anywidget: Jupyter, marimo): bytes come from a traitlet, picks go back to one.

import { mount } from "../core/mount.js";
import { colourOf, luminance } from "../drawing/paint.js";

/** Light or dark, as what lies behind the cell's output: notebooks have themes of their own. */
function schemeBehind(node) {
  for (let each = node; each; each = each.parentElement ?? each.getRootNode().host) {
    const colour = getComputedStyle(each).backgroundColor;
    if (colour && !/^(transparent|rgba\(.*, 0\))$/.test(colour))
      return luminance(colourOf(colour)) < 0.4 ? "dark" : "light";
  }
  return undefined; // that of the browser
}

function render({ model, el }) {
  const packed = () => {
    const view = model.get("packed"); // a DataView
    return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
  };
  const tell = (name, value) => {
    model.set(name, value);
    model.save_changes();
  };
  // The cell cuts off what reaches beyond it: a panel's buttons, frames, focus. Jupyter sets the padding of `el`.
  const room = document.createElement("div");
  room.style.padding = "1.4em .7em .5em";
  el.append(room);
  room.innerHTML = model.get("html") ?? ""; // a step, written by explainer/steps/rendering.py
  const home = room.querySelector("[data-view]") ?? room;
  const canvas = mount(home === room ? room : home.attachShadow({ mode: "open" }), packed(), {
    follower: "This view was made for",
    // Read at every drawing: when this runs, the cell's output is not yet on the page.
    get scheme() {
      return model.get("scheme") || schemeBehind(el);
    },
    onPick: (pick) => tell("pick", pick),
    place: () => model.get("place") ?? null,
    onPlace: (_, place) => tell("place", place),
  });
  const update = () => canvas.update(packed());
  model.on("change:packed", update);
  return () => {
    model.off("change:packed", update);
    canvas.destroy();
    room.remove();
  };
}

export default { render };
