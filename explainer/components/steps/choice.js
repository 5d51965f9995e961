// What the reader has chosen on a page: picture, checkpoint, layer, head, token, and what a page has of its own, as
// changes of the forward pass. The browser owns it.
//
// The address carries it at every moment, and the reader's way back leads through it. The server is told only when
// something else is used that needs it; what the server has changed itself (another checkpoint, an upload) comes back.

export class Choice {
  constructor() {
    this.followers = new Set(); // functions that are called when something else is chosen
    this.value = null; // {name: value}; token null stands for the middle of the image
  }

  /** What the server says: its choice, the one without a name in the address, and the sizes of the model. */
  hear({ page, choice, defaults, sizes }) {
    if (page === "sidebar" && this.page === location.pathname) return; // the page itself says more
    const text = JSON.stringify(choice);
    this.page = location.pathname;
    this.defaults = defaults;
    this.sizes = sizes;
    const isOwn = this.value && (text === this.heard || text === this.told);
    this.heard = text;
    if (isOwn) return;
    this.told = text;
    this.value = { ...choice };
  }

  get names() {
    return Object.keys(this.defaults);
  }

  /** With the token that stands for none. */
  get whole() {
    return { ...this.value, token: this.value.token ?? this.sizes.middle };
  }

  /** As pictures know it: what is as on the other side has no value, and numbers are numbers. */
  get shown() {
    const given = Object.entries(this.whole).filter(([, value]) => value !== "");
    return Object.fromEntries(given.map(([name, value]) => [name, /^\d+$/.test(value) ? Number(value) : value]));
  }

  /** Whether the server knows of it. */
  get isTold() {
    return JSON.stringify(this.value) === this.told;
  }

  /** Choose some of it. Names of other things are left out. */
  choose(pick) {
    const next = { ...this.value, ...this.typed(pick) };
    if (next.other_layer === "0") next.other_layer = "1";
    next.layer = Math.min(Math.max(1, next.layer), this.sizes.layers); // plots over layers begin with z_0
    if (this.names.every((name) => next[name] === this.value[name])) return;
    this.set(next);
    history.pushState(history.state, "", this.address());
  }

  set(next) {
    this.value = next;
    for (const follow of this.followers) follow();
  }

  /** Values as the names have them: numbers, text, a token or none. Names of other things are left out. */
  typed(pick) {
    const known = Object.entries(pick).filter(([name]) => this.names.includes(name));
    return Object.fromEntries(
      known.map(([name, value]) => {
        if (name === "token") return [name, value == null || value === "" ? null : Number(value)];
        return [name, typeof this.defaults[name] === "number" ? Number(value) : String(value)];
      }),
    );
  }

  /** The page's address with the choice in it, as the server would write it. */
  address() {
    const address = new URL(location.href);
    for (const name of this.names) {
      if (this.value[name] === this.defaults[name]) address.searchParams.delete(name);
      else address.searchParams.set(name, this.value[name]);
    }
    return address;
  }

  /** The reader went back or on to another choice on this page: nobody else need know. Called by the page's shell. */
  goBack(event) {
    if (!this.followers.size || location.pathname !== this.page) return;
    const asked = new URLSearchParams(location.search);
    const next = this.typed({ ...this.defaults, ...Object.fromEntries(asked) });
    if (next.checkpoint !== this.value.checkpoint) return; // other sizes: the server knows them
    event.stopImmediatePropagation();
    this.set(next);
    dispatchEvent(new Event("vit-back")); // for what else the address keeps: pins, frames
  }

  /** What the server is told, once. */
  tell() {
    this.told = JSON.stringify(this.value);
    return this.value;
  }
}
