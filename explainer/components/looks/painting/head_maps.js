// Canvases of the maps of all heads: of the token under the pointer, and of each pin.

import { element } from "../../drawing/element.js";
import { scaled, sized } from "../../drawing/images.js";
import { placeIn, whereClicked } from "../../core/input.js";
import { shortText, valueText } from "../../drawing/numbers.js";
import { cellWithin } from "../../panels/small.js";
import { MAP_LABEL, paintMaps, tilePlace } from "./maps.js";
import { pinLetter } from "../pin_list.js";
import { patchText, weightName } from "../words.js";

export class HeadMaps {
  /** `frame` is the panel, a LooksFrame. */
  constructor(frame) {
    this.frame = frame;
    this.name = element("span");
    this.scale = element("small");
    this.title = element("p", "subtitle", {}, this.name, this.scale);
    this.own = this.make(() => {
      const { token } = frame.state;
      return { token, values: frame.weights.values, pin: frame.state.pinOf(token) };
    });
    this.pinned = element("div", "pinned");
    this.all = [this.own];
    this.drawnCommon = 0; // the end of the one scale for which the maps of pins were drawn
  }

  /** A canvas of the maps for what `entry` returns: hovering tells a value, a click chooses the head. */
  make(entry) {
    const { frame } = this;
    const canvas = element("canvas", "maps", { role: "img" });
    canvas.addEventListener("pointermove", (event) => this.tell(event, canvas, entry()));
    canvas.addEventListener("pointerdown", (event) => (this.pressed = event));
    canvas.addEventListener("pointerleave", () => frame.host.hideTip(frame));
    canvas.addEventListener("click", (event) => {
      const tile = this.tileAt(whereClicked(event, this.pressed), canvas);
      if (tile) frame.change({ ofHead: tile.head + 1 });
      const number = this.weightAt(tile, entry().token);
      if (number) frame.host.choose({ number });
    });
    return { canvas, entry };
  }

  tileAt(event, canvas) {
    const { state, weights, size } = this.frame;
    const at = this.frame.at.maps;
    const place = placeIn(canvas, event);
    for (let head = 0; head < weights.heads; head++) {
      for (const [d, direction] of state.directions.entries()) {
        const [x, y] = tilePlace(at, head, d);
        const [inX, inY] = [place.x - x, place.y - y];
        if (inX < 0 || inY < 0 || inX >= at.tile || inY >= at.tile + MAP_LABEL) continue;
        const cell = cellWithin([x, y, at.tile, at.tile], size, size, place);
        return { head, direction, token: cell == null ? null : cell + 1 };
      }
    }
    return null;
  }

  tell(event, canvas, { token, values }) {
    const { frame } = this;
    const { weights, size } = frame;
    const tile = this.tileAt(event, canvas);
    canvas.style.cursor = tile ? "pointer" : "default";
    if (!tile?.token || !values) {
      frame.host.hideTip(frame);
      return;
    }
    const value = values[tile.direction].heads[tile.head * weights.tokens + tile.token];
    const [from, to] = tile.direction === "row" ? [token, tile.token] : [tile.token, token];
    const text = valueText(value, weights.roots.uncertainty(weights.firstMap + tile.head, from, value));
    const where = `head ${tile.head + 1}: ${patchText(from, size)} → ${patchText(to, size)}`;
    const hint = this.weightAt(tile, token) ? [{ text: "click: how it was computed", isHint: true }] : [];
    const { x, y } = placeIn(frame.over, event);
    frame.host.showTip(frame, [{ text }, { text: where }, ...hint], x + 14, y + 18);
  }

  /** The name of the weight that a map shows under the pointer, where the view explains its numbers. */
  weightAt(tile, token) {
    if (!this.frame.explains || !tile?.token) return null;
    const [from, to] = tile.direction === "row" ? [token, tile.token] : [tile.token, token];
    return weightName(this.frame.state.layer, tile.head, from, to);
  }

  /** A canvas for each pin. */
  arrange() {
    const { state, weights, size } = this.frame;
    this.own.canvas.hidden = this.title.hidden = !state.showsAll;
    this.all = [this.own];
    const parts = (state.showsAll ? state.pins : []).map((pin) => {
      const maps = this.make(() => ({ token: pin.token, values: pin.values, pin }));
      maps.canvas.setAttribute("aria-label", `Maps of all ${weights.heads} heads for pin ${pin.letter}`);
      this.all.push(maps);
      const title = element("p", "subtitle", {}, pinLetter(pin), patchText(pin.token, size));
      return element("div", "", {}, title, maps.canvas);
    });
    this.pinned.replaceChildren(...parts);
  }

  resize(ratio) {
    const { at, state } = this.frame;
    if (state.showsAll) for (const { canvas } of this.all) sized(canvas, at.width, at.maps.height, ratio);
  }

  paint(isAll) {
    const { at, state, weights, sheets, size } = this.frame;
    // The maps of pins change with the pointer only where all maps have one scale.
    const changed = isAll || weights.common !== this.drawnCommon ? this.all : [this.own];
    for (const { canvas, entry } of changed) {
      const ctx = scaled(canvas, sheets.paint.ratio);
      ctx.clearRect(0, 0, at.width, at.maps.height);
      paintMaps(ctx, sheets, state, at.maps, entry());
    }
    this.drawnCommon = weights.common;
    const title = `All ${weights.heads} heads of layer ${state.layer}: ${patchText(state.token, size)}`;
    const shared = `One scale for all maps, from 0 to ${shortText(weights.common, 2)}`;
    const scale = state.scale === "shared" ? shared : "Every map has its own scale, from 0";
    const [row, column] = ["where it looks", "who looks at it"];
    const which = { both: `left ${row}, right ${column}`, row, column };
    this.name.textContent = title;
    this.scale.textContent = `${which[state.direction]} · ${scale}`;
  }

  tellName() {
    const { state, weights, size } = this.frame;
    const name = `Maps of all ${weights.heads} heads for ${patchText(state.token, size)}`;
    this.own.canvas.setAttribute("aria-label", name);
  }
}
