// What the app serves, and what its address says of the reader's choice.

import { page } from "../core/page.js";
import { appAddress } from "./address.js";

export function fetchBytes(path) {
  const { fetched } = page;
  const address = new URL(path, appAddress()).href;
  if (!fetched.has(address)) {
    const promise = fetch(address).then(async (response) => {
      if (!response.ok) {
        const sentence = (await response.text()) || `HTTP ${response.status}`;
        throw Object.assign(new Error(sentence), { gone: response.status === 404 });
      }
      return new Uint8Array(await response.arrayBuffer());
    });
    promise.catch(() => fetched.delete(address));
    fetched.set(address, promise);
    if (fetched.size > 24) fetched.delete(fetched.keys().next().value);
  }
  return fetched.get(address);
}

/** The page and the reader's choice, as the address has them, for the names of files: "attention", "layer 3 head 1". */
export function fileName() {
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
export function place(name) {
  const asked = new URLSearchParams(location.search).get(name);
  return /^\d{1,9}$/.test(asked ?? "") ? Number(asked) : null;
}

/** What the address keeps of the reader's own marks: the server need not know, and is not told. */
export const recall = (name) => new URLSearchParams(location.search).get(name);

export function remember(name, text) {
  const address = new URL(location.href);
  if ((address.searchParams.get(name) ?? "") === text) return;
  if (text) address.searchParams.set(name, text);
  else address.searchParams.delete(name);
  history.replaceState(history.state, "", address);
}
