// Who gave something is known again after a reload: by a random key that this browser keeps and tells to nobody else.

// Who gave something is known again after a reload: by a random key that this browser keeps and tells to nobody else.
const NAME = "vit-explainer-reader";

export default function ({ data, setStateValue }) {
  let key;
  try {
    key = localStorage.getItem(NAME);
    if (!/^[0-9a-f]{32}$/.test(key ?? "")) {
      const bytes = crypto.getRandomValues(new Uint8Array(16));
      key = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
      localStorage.setItem(NAME, key);
    }
  } catch {
    return; // a browser that keeps nothing: the session alone knows
  }
  if (key !== data.known) setStateValue("key", key);
}
