// What is scrolled sideways can be reached by the keyboard: tables and code that Streamlit has made and that are wider
// than the page. Not every browser lets the keyboard go there by itself.

const SCROLLERS = ".stMarkdown table, .stCode pre";

/** Once for the page. */
export function watchScrollers() {
  const known = new WeakSet();
  const sizes = new ResizeObserver((entries) => {
    for (const { target } of entries) {
      if (target.scrollWidth > target.clientWidth) target.tabIndex = 0;
      else target.removeAttribute("tabindex");
    }
  });
  const find = () => {
    for (const node of document.querySelectorAll(SCROLLERS)) {
      if (known.has(node)) continue;
      known.add(node);
      sizes.observe(node);
    }
  };
  new MutationObserver(find).observe(document.body, { childList: true, subtree: true });
  find();
}
