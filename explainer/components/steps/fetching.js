// Packets of steps: what they are called, and their bytes, kept in the browser.

/* global FIGURE_PATH, STEP_PATH */

const kept = new Map(); // address -> promise of its bytes
const MOST = 300;

/** The address of a packet: it names only what the packet depends on. */
export function packetPath(page, part, choice) {
  const parameters = new URLSearchParams();
  for (const name of ["picture", "checkpoint", ...part.reads]) parameters.set(name, choice[name]);
  return `${STEP_PATH}/${page}/${part.slug}/${part.kind}?${parameters}`;
}

/** The address of a panel of a step as Matplotlib draws it; `format` is "svg" or "pdf". */
export const figurePath = (page, { slug, kind }, format, panel, choice) =>
  `${FIGURE_PATH}/${page}/${slug}.${format}?${new URLSearchParams({ ...choice, kind, panel })}`;

/** The bytes at an address below the app's own; an error carries the server's sentence. */
export function fetchPacket(path, base) {
  const address = new URL(path, base).href;
  if (!kept.has(address)) {
    const promise = fetch(address).then(async (response) => {
      if (!response.ok) throw new Error((await response.text()) || `HTTP ${response.status}`);
      return new Uint8Array(await response.arrayBuffer());
    });
    promise.catch(() => kept.delete(address));
    kept.set(address, promise);
    if (kept.size > MOST) kept.delete(kept.keys().next().value);
  }
  return kept.get(address);
}
