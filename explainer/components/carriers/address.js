// Where the app is.

/** The address of the app, below whatever path it is served: Streamlit's own script lies in its static/js/. */
export function appAddress() {
  /** @type {HTMLScriptElement | null} */
  const script = document.querySelector('script[type="module"][src*="/static/js/"]');
  return script ? new URL("../../", script.src) : new URL("./", document.baseURI);
}
