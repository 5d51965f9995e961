// What all scripts of one page share, under one name: the only thing that this folder puts on the global object.
//
// Streamlit evaluates a component's script anew for each of its elements, a notebook for each of its widgets, and the
// canvas and the sheet of a number are different components: no import leads from one to the other. Yet what is
// pointed at in one picture lights up in the next, an epoch moves all of them, bytes are fetched once, and the sheet
// gives the focus back to the picture that asked. Within one script modules import from each other: nothing goes
// through here.

export const page = (globalThis.__vitPage ??= {
  links: null, // Links of core/links.js: what is pointed at, and the canvases that light up
  reels: new Map(), // what is counted ("epoch") -> Reel of core/frames.js: where all canvases are that count it
  fetched: new Map(), // address -> promise of its bytes
  choice: null, // Choice of steps/choice.js: what the reader has chosen, on a page whose browser owns that
  asker: null, // the element to which the focus goes back when the explanation that it asked for is closed
});
