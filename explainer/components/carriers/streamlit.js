// The canvas as a Streamlit component (components v2): hands over bytes or an address, and picks back.
//
// The Python side writes `loadCore`, a function that returns the promise of the core, before this text.

import { page } from "../core/page.js";

/* global EXACT_PATH, PATH, loadCore */

const instances = new WeakMap(); // parentElement -> what is mounted there; survives every rerun

/** The address of the app, below whatever path it is served: Streamlit's own script lies in its static/js/. */
function appAddress() {
  /** @type {HTMLScriptElement | null} */
  const script = document.querySelector('script[type="module"][src*="/static/js/"]');
  return script ? new URL("../../", script.src) : new URL("./", document.baseURI);
}

function fetchBytes(path) {
  const { fetched } = page;
  const address = new URL(path, appAddress()).href;
  if (!fetched.has(address)) {
    const promise = fetch(address).then(async (response) => {
      if (!response.ok) throw Object.assign(new Error(`HTTP ${response.status}`), { gone: response.status === 404 });
      return new Uint8Array(await response.arrayBuffer());
    });
    promise.catch(() => fetched.delete(address));
    fetched.set(address, promise);
    if (fetched.size > 24) fetched.delete(fetched.keys().next().value);
  }
  return fetched.get(address);
}

/** The page and the reader's choice, as the address has them, for the names of files: "attention", "layer 3 head 1". */
function fileName() {
  const choice = new URLSearchParams(location.search);
  const after = ["picture", "checkpoint", "layer", "head", "token"].filter((name) => choice.get(name));
  return {
    before: location.pathname.split("/").at(-1) || "overview",
    after: after
      .map((name) => (name === "picture" || name === "checkpoint" ? choice.get(name) : `${name}${choice.get(name)}`))
      .join(" "),
  };
}

/** The number of the frame that the address asks for. */
function place(name) {
  const asked = new URLSearchParams(location.search).get(name);
  return /^\d{1,9}$/.test(asked ?? "") ? Number(asked) : null;
}

/** What the address keeps of the reader's own marks: the server need not know, and is not told. */
const recall = (name) => new URLSearchParams(location.search).get(name);

function remember(name, text) {
  const address = new URL(location.href);
  if ((address.searchParams.get(name) ?? "") === text) return;
  if (text) address.searchParams.set(name, text);
  else address.searchParams.delete(name);
  history.replaceState(history.state, "", address);
}

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

addEventListener("popstate", () => {
  for (const reel of page.reels.values()) reel.go(place(reel.name));
});

async function present(instance, { data, setTriggerValue }) {
  const turn = (instance.turn = (instance.turn ?? 0) + 1);
  try {
    instance.canvas ??= loadCore().then(({ mount }) =>
      mount(instance.parent, null, {
        onPick: (pick) => instance.setTriggerValue("pick", pick),
        load: (digest) => fetchBytes(`${instance.path}/${digest}`),
        loadExact: (name, token) => fetchBytes(`${EXACT_PATH}/${name}${token == null ? "" : `?token=${token}`}`),
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
