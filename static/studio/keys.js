/* Keyboard shortcuts: an element with data-hotkey is pressed by that key. The gallery adds its own keys. */
import { find, listen } from "./dom.js";

const TEXT_FIELDS = "input:not([type=checkbox], [type=range]), textarea, select, [popover]";
const PRESSED_BY_SPACE = "button, a:not(.open), summary, input:not([type=range]), video";
const others = [];

/* A handler is given the key, whether shift is held, and the open dialog; it says whether it has acted. */
export const alsoOnKey = (handler) => others.push(handler);

/* The key as the shortcuts name it. Where the keyboard writes Cyrillic, Greek, Hebrew or Arabic letters, the key's
   position says which Latin letter is meant; where it writes Latin ones, they are taken as they are. */
const shortcutOf = ({ key, code }) => {
  const isOtherScript = /^\p{L}$/u.test(key) && !/^\p{Script=Latin}$/u.test(key);
  const latin = isOtherScript && code.match(/^Key([A-Z])$/)?.[1];
  return key.length === 1 ? (latin || key).toLowerCase() : key;
};

/* Runs the key's shortcut; false if it has none here. */
const act = (key, shiftKey) => {
  const dialog = find("dialog[open]");
  const scope = dialog || document.activeElement.closest(".card") || document;
  const button = find(`[data-hotkey="${CSS.escape(key)}" i]`, key === "?" ? document : scope);
  const video = key === " " && find("video", scope);
  if (button) button.click();
  else if (video) video.paused ? video.play() : video.pause();
  else if (key === "/") find(".search input").focus();
  else return others.some((handler) => handler(key, shiftKey, dialog));
  return true;
};

listen("keydown", (event) => {
  const key = shortcutOf(event);
  const active = document.activeElement;
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
  if (active.closest(TEXT_FIELDS)) return;
  if (key === " " && active.closest(PRESSED_BY_SPACE)) return;
  if (key.startsWith("Arrow") && active.matches("[type=range]")) return;
  if (key === "Escape" && !find(":popover-open")) find("#selection")?.reset();
  if (act(key, event.shiftKey)) event.preventDefault();
});
