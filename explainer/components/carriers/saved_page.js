// The canvas in a page that was saved to a file: the bytes are in the page itself, and nothing is asked for.

import { mount } from "../core/mount.js";

/** The bytes in a script element that holds them as text. */
async function bytesIn(holder) {
  const compressed = Uint8Array.from(atob(holder.textContent), (letter) => letter.charCodeAt(0));
  const stream = new Blob([compressed]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

async function draw(place) {
  if (place.dataset.state) return;
  place.dataset.state = "drawing";
  try {
    const data = place.querySelector("script");
    const bytes = await bytesIn(data);
    const canvas = mount(place, null, {
      load: (digest) => bytesIn(document.getElementById(`kept-${digest}`)),
      fileName: () => ({ before: document.body.dataset.name }),
      room: place.closest(".vit-step") ? () => Infinity : undefined,
    });
    await canvas.update(bytes);
    place.querySelector(".alt").remove(); // the canvas says it to those who do not see it
    data.remove();
    place.dataset.state = "drawn";
  } catch (error) {
    place.dataset.state = "failed"; // its sentence stays
    throw error;
  }
}

// Those near the window at once, the others when the browser has time.
const waiting = [...document.querySelectorAll(".picture")];

const nearby = new IntersectionObserver(
  (entries) => {
    for (const entry of entries) if (entry.isIntersecting) draw(entry.target);
  },
  { rootMargin: "50%" },
);
for (const place of waiting) nearby.observe(place);
const idle = globalThis.requestIdleCallback ?? ((callback) => setTimeout(callback, 200));

const drawNext = () => {
  const place = waiting.shift();
  if (place) draw(place).finally(() => idle(drawNext));
  else nearby.disconnect();
};
addEventListener("load", () => idle(drawNext));
