// What the type checker cannot see in the modules themselves.

/** A style sheet is imported as its text: explainer/components/__init__.py puts it there. */
declare module "*.css" {
  const text: string;
  export default text;
}

/** What Python writes before the text of a carrier. */
declare const loadCore: () => Promise<typeof import("./core/mount.js")>;
declare const PATH: string;
declare const EXACT_PATH: string;
declare const FIGURE_PATH: string;
declare const STEP_PATH: string;
declare const CHANGES_PATH: string;
declare const SCRIPT_PATH: string;
declare const PARTS: string[];

/** What core/page.js puts there. */
declare var __vitPage: any;

/** What is found on a page by a selector is HTML here, never SVG alone. */
interface Element extends HTMLOrSVGElement, ElementCSSInlineStyle {}

/** Newer than the checker's own list. */
interface IntersectionObserverInit {
  scrollMargin?: string;
}
