// What may come a frame later than the pictures under the pointer; on a slow machine, when the pointer rests.

const SLOW = 7; // milliseconds for all that follows a move, from which on it waits until the pointer rests
const MOST_WAITS = 6; // frames

export class Later {
  /** `act` is what comes later. */
  constructor(act) {
    this.act = act;
    this.cost = 0; // milliseconds that it takes, on average
    this.waits = 0;
    this.askedAt = 0;
  }

  ask() {
    this.askedAt = performance.now();
    this.wait();
  }

  wait() {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null;
      this.waits += 1;
      const isMoving = performance.now() - this.askedAt < 2 * SLOW;
      if (this.cost > SLOW && isMoving && this.waits < MOST_WAITS) this.wait();
      else this.run();
    });
  }

  run() {
    this.waits = 0;
    const start = performance.now();
    this.act();
    this.cost += 0.2 * (performance.now() - start - this.cost);
  }
}
