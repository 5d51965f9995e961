// A stroke over patches, where a panel asks for one. A finger has to rest first: one that moves on scrolls.

const HOLD = 350; // milliseconds a finger rests before it brushes
const RESTING = 8; // CSS pixels that a resting finger may tremble

export class Brush {
  constructor(frame) {
    this.frame = frame; // {panel, over, cellAt(event), canPick(), drawMarks(), host}
    /** @type {any} */
    this.held = null; // what may become a stroke
    /** @type {any} */
    this.stroke = null;
    this.keepPageStill = (event) => {
      if (this.stroke && event.cancelable) event.preventDefault();
    };
    const { over } = frame;
    over.addEventListener("pointerup", (event) => this.end(event));
    over.addEventListener("pointercancel", () => this.leave());
    over.addEventListener("contextmenu", (event) => {
      if (this.held || this.stroke) event.preventDefault(); // the finger that holds means to brush
    });
  }

  get cells() {
    return this.stroke?.cells ?? [];
  }

  /** Only where fingers may brush: where the browser has to ask first, scrolling begins later. */
  allow(isAllowed) {
    const listen = isAllowed ? "addEventListener" : "removeEventListener";
    this.frame.over[listen]("touchmove", this.keepPageStill, { passive: false });
  }

  begin(event) {
    this.hasStroked = false;
    if (this.held || this.stroke) this.leave(); // a second finger: they pinch
    const cell = this.frame.panel.brush && !event.button && event.isPrimary ? this.frame.cellAt(event) : null;
    if (!(cell > 0)) return;
    const begin = () => {
      this.held = null;
      this.stroke = { cells: [cell], x: event.clientX, y: event.clientY, pointer: event.pointerId };
      this.frame.drawMarks();
    };
    if (event.pointerType !== "touch") {
      this.frame.over.setPointerCapture(event.pointerId);
      begin();
    } else if (this.frame.canPick()) {
      const timer = setTimeout(() => {
        begin();
        navigator.vibrate?.(15);
      }, HOLD);
      this.held = { timer, x: event.clientX, y: event.clientY };
    }
  }

  /** Neither a stroke nor what would have become one. */
  leave() {
    clearTimeout(this.held?.timer);
    this.held = this.stroke = null;
    if (this.frame.at) this.frame.drawMarks();
  }

  /** Every patch between the last place and this one: a quick hand leaves none out. */
  extend(event) {
    if (this.held && Math.hypot(event.clientX - this.held.x, event.clientY - this.held.y) > RESTING) this.leave();
    if (this.stroke?.pointer !== event.pointerId) return;
    const { cells, x, y } = this.stroke;
    const steps = Math.ceil(Math.hypot(event.clientX - x, event.clientY - y) / 4);
    for (let i = 1; i <= steps; i++) {
      const share = i / steps;
      const clientX = x + (event.clientX - x) * share;
      const cell = this.frame.cellAt({ clientX, clientY: y + (event.clientY - y) * share });
      if (cell > 0 && !cells.includes(cell)) cells.push(cell);
    }
    Object.assign(this.stroke, { x: event.clientX, y: event.clientY });
    this.frame.drawMarks();
  }

  end(event) {
    if (this.held) this.leave(); // a tap
    if (this.stroke?.pointer !== event.pointerId) return;
    const { cells } = this.stroke;
    this.stroke = null;
    this.hasStroked = true; // the click that follows says nothing more
    this.frame.host.choose({ [this.frame.panel.brush]: cells.join() });
  }
}
