/* Short messages at the foot of the page. Their words stand in templates/_sayings.html. */
import { find } from "./dom.js";

const SHOWN_FOR = 9000;
const toast = find("#toast");
let timer;

export const hideToast = () => toast.replaceChildren();

/* Shows the message for a key or an HTTP status, and returns it. An unknown one gets the last message. */
export const showToast = (key) => {
  const messages = find("#sayings").content;
  const message = find(`[data-when~="${key}"]`, messages) || messages.lastElementChild;
  toast.replaceChildren(message.cloneNode(true));
  return toast.firstElementChild;
};

/* A message with a link stays, and so does one that somebody points at, or that still offers to undo something. */
const isNeeded = () => toast.matches(":hover, :focus-within") || find("[data-unsent]", toast);

const hideLater = () => {
  clearTimeout(timer);
  if (find("a", toast)) return;
  timer = setTimeout(() => (isNeeded() ? hideLater() : hideToast()), SHOWN_FOR);
};

if (toast) new MutationObserver(hideLater).observe(toast, { childList: true });
