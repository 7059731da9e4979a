/* Buttons that copy. The Clipboard API needs TLS, which a studio in a local network has not; this works there too. */
import { createElement, listen } from "./dom.js";
import { showToast } from "./toast.js";

listen("click", ({ target }) => {
  const button = target.closest("[data-copy]");
  if (!button) return;
  const text = createElement("textarea", { value: button.dataset.copy });
  button.after(text);
  text.select();
  const isCopied = document.execCommand("copy");
  text.remove();
  showToast(isCopied ? "copied" : "not-copied");
  button.focus();
});
