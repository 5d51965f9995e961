// Shows the page when what is in the window stands where it stays: with its style, its letters, its equations typeset.
//
// Until then opening.css keeps the page transparent. `PARTS` is written before this text: parts of Streamlit's front
// end which, evaluated beforehand, it need not wait for.

import { watchScrollers } from "../core/scrollers.js";

/* global PARTS */

watchScrollers();
for (const part of PARTS) import(part).catch(() => {});

// Streamlit remembers how wide a reader has drawn the sidebar, and whether it was closed.
try {
  const kept = Object.entries(localStorage);
  const isClosed = kept.some(([key, value]) => key.startsWith("stSidebarCollapsed-") && value === "true");
  const width = isClosed ? 0 : parseInt(localStorage.sidebarWidth, 10);
  if (width >= 0) document.documentElement.style.setProperty("--vit-sidebar", `${width}px`);
} catch {
  // A browser that remembers nothing shows the usual sidebar.
}

// Letters of equations: their style sheet is in the page, but a browser asks for them only when it draws the first one.
const FACES = ["1em KaTeX_Main", "bold 1em KaTeX_Main", "italic 1em KaTeX_Math", "1em KaTeX_Size1", "1em KaTeX_Size2"];
for (const face of FACES) document.fonts.load(face).catch(() => {});

/** Whether something in the window is a placeholder: what comes has another height. */
const isWaiting = () =>
  [...document.querySelectorAll('[data-testid="stSkeleton"], [data-testid="stAppSkeleton"]')].some(
    (each) => each.getBoundingClientRect().top < innerHeight,
  );

/** Whether a page's steps are still to come: their script has to be fetched first. */
const isEmpty = () =>
  [...document.querySelectorAll("[data-steps]")].some((each) => !each.querySelector(":scope > div:not(.vit-bar) > *"));

const isComplete = () =>
  document.querySelector(".stMain h1") &&
  (document.querySelector('[data-testid="stSidebar"]') || ended != null) && // some pages have none
  document.fonts.status === "loaded" &&
  !isWaiting() &&
  !isEmpty();

// In a narrow window Streamlit puts groups of links between a list and its items: they are said to mean nothing.
const GROUPS = '[data-testid="stSidebarNavItems"] > div:not([role])';
function mendMenu() {
  for (const group of document.querySelectorAll(GROUPS)) {
    group.setAttribute("role", "presentation");
    group.parentElement?.setAttribute("role", "list");
  }
}
new MutationObserver(mendMenu).observe(document.documentElement, { childList: true, subtree: true });

const PATIENCE = 20_000; // milliseconds after the page's script has ended: what is not here by then is not waited for

let steady = 0; // frames in a row: React puts what it has just loaded in place in the next one
let ended = null;

function look(now) {
  const hasEnded = document.querySelector('[data-test-script-state="notRunning"] .stMain .stElementContainer');
  ended = hasEnded ? (ended ?? now) : null; // before its first run it is said not to run, too
  steady = isComplete() ? steady + 1 : 0;
  if (steady > 2 || (ended != null && now - ended > PATIENCE)) document.documentElement.dataset.open = "";
  else requestAnimationFrame(look);
}
requestAnimationFrame(look);
