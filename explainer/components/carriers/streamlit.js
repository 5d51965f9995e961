// The canvas as a Streamlit component (components v2): hands over bytes or an address, and picks back.
//
// The Python side writes `loadCore`, a function that returns the promise of the core, before this text.

import { page } from "../core/page.js";
import { fetchBytes, fileName, place, recall, remember } from "./app.js";

/* global EXACT_PATH, FIGURE_PATH, PATH, loadCore */

const instances = new WeakMap(); // parentElement -> what is mounted there; survives every rerun

/**
 * Once the reader rests, the address says where, and the server is told: Streamlit's front end sends the server what
 * it last heard from there, not what the address says.
 */
function onPlace(instance, name, at, isAtOnce) {
  clearTimeout(instance.resting);
  const tell = () => {
    const address = new URL(location.href);
    if (at == null) address.searchParams.delete(name);
    else address.searchParams.set(name, at);
    history.replaceState(history.state, "", address); // as what comes back: no page is added to go back to
    instance.setTriggerValue("place", at ?? "last");
  };
  if (isAtOnce) tell();
  else instance.resting = setTimeout(tell, 250);
}

const goBack = () => {
  for (const reel of page.reels.values()) reel.go(place(reel.name));
};
for (const type of ["popstate", "vit-back"]) addEventListener(type, goBack);

async function present(instance, { data, setTriggerValue }) {
  const turn = (instance.turn = (instance.turn ?? 0) + 1);
  try {
    instance.canvas ??= loadCore().then(({ mount }) =>
      mount(instance.parent, null, {
        onPick: (pick) => instance.setTriggerValue("pick", pick),
        load: (digest) => fetchBytes(`${instance.path}/${digest}`),
        loadExact: (name, token) => fetchBytes(`${EXACT_PATH}/${name}${token == null ? "" : `?token=${token}`}`),
        figure: (panel, { figure: name }) =>
          name && ((format) => fetchBytes(`${FIGURE_PATH}/${name}.${format}?panel=${panel}`)),
        fileName,
        place,
        onPlace: (name, at, isAtOnce) => onPlace(instance, name, at, isAtOnce),
        recall,
        remember,
        isFollowed: true,
      }),
    );
    const canvas = await instance.canvas;
    instance.mounted = canvas;
    if (data instanceof Uint8Array) {
      instance.path = PATH;
      await canvas.update(data);
    } else if (data?.url) {
      instance.path = PATH;
      if (data.room) canvas.reserve(JSON.parse(data.room));
      const bytes = await fetchBytes(data.url);
      if (turn === instance.turn) await canvas.update(bytes);
    }
    instance.lost = 0;
  } catch (/** @type {any} */ error) {
    if (turn !== instance.turn) return;
    if (!error.gone) console.error(error);
    const asksAgain = error.gone && (instance.lost = (instance.lost ?? 0) + 1) <= 3;
    const sentence = asksAgain
      ? "The server no longer holds these tensors. Requesting them again…"
      : "This figure could not be loaded. Check the connection, then load the page again.";
    if (instance.mounted) instance.mounted.explain(sentence);
    else instance.parent.append(sentence);
    if (asksAgain) setTriggerValue("lost", instance.lost);
  }
}

export default function (component) {
  const { parentElement, data } = component;
  let instance = instances.get(parentElement);
  if (!instance) instances.set(parentElement, (instance = { parent: parentElement }));
  instance.setTriggerValue = component.setTriggerValue;
  if (data !== instance.data) {
    instance.data = data;
    present(instance, component);
  }
  return () => {
    instances.delete(parentElement);
    instance.turn = Infinity;
    clearTimeout(instance.resting);
    instance.mounted?.destroy();
  };
}
