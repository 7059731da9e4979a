/* Toasts, short messages at the foot of the page whose texts are in templates/_toasts.html; and copy buttons. */
import { createElement, find, listen } from "./dom.js";

const toast = find("#toast");
let timer;

export const hideToast = () => toast.replaceChildren();

/* Shows the message for a key or an HTTP status. An unknown one gets the last message. */
export const showToast = (key) => {
  const messages = find("#toasts").content;
  const message = find(`[data-when~="${key}"]`, messages) || messages.lastElementChild;
  toast.replaceChildren(message.cloneNode(true));
};

/* A message with a link stays, and so does one under the pointer, or one that still offers Undo. */
const isNeeded = () => toast.matches(":hover, :focus-within") || find("[data-unsent]", toast);

/* A message with a button stays longer. */
const hideLater = () => {
  clearTimeout(timer);
  if (find("a", toast)) return;
  timer = setTimeout(() => (isNeeded() ? hideLater() : hideToast()), find("button", toast) ? 20_000 : 9000);
};

if (toast) {
  new MutationObserver(hideLater).observe(toast, { childList: true });
  hideLater();
}

/* Copy buttons. The Clipboard API needs TLS, which a studio in a local network lacks; this works without it. */
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
