// Elements of the page.

/**
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {string} [className]
 * @param {Record<string, any>} [attributes]
 * @param {(Node | string)[]} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function element(tag, className, attributes = {}, ...children) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

/** A button that plays or pauses says which. */
export function showPlaying(button, isPlaying) {
  button.dataset.state = isPlaying ? "playing" : "still";
  button.setAttribute("aria-label", isPlaying ? "Pause" : "Play");
}

/** Of elements that are one stop of the Tab key together, another becomes it. */
export function makeStop(nodes, stop) {
  for (const node of nodes) node.tabIndex = node === stop ? 0 : -1;
}

/**
 * @param {HTMLCanvasElement} canvas
 * @param {CanvasRenderingContext2DSettings} [settings]
 */
export const contextOf = (canvas, settings) =>
  /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d", settings));

/**
 * The context of a new canvas that is not on the page.
 * @param {number} width
 * @param {number} height
 * @param {CanvasRenderingContext2DSettings} [settings]
 */
export function newContext(width, height, settings) {
  const canvas = element("canvas");
  canvas.width = width;
  canvas.height = height;
  return contextOf(canvas, settings);
}

/** In a quiet moment, or after a second without one. */
export const whenIdle = (callback) =>
  globalThis.requestIdleCallback?.(callback, { timeout: 1000 }) ?? setTimeout(callback, 100);

/** Whether the keyboard is in an element, also one inside a shadow root. */
export const isFocused = (node) => node.contains(node.getRootNode().activeElement);
