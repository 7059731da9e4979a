/* Keyboard shortcuts: an element with data-hotkey is pressed by that key; arrows go from card to card. */
import { find, findAll, listen } from "./dom.js";
import { field } from "./form.js";
import { addressOf } from "./cards.js";
import { showSelection } from "./selection.js";
import { openViewer, viewer } from "./viewer.js";

const TEXT_FIELDS = "input:not([type=checkbox]), textarea, select, [popover]";
const PRESSED_BY_SPACE = "button, a:not(.open), summary, input, video";

/* How far another card is below (or above) this one; Infinity if it is not. */
const distance = (card, other, direction) => {
  const from = card.getBoundingClientRect();
  const to = other.getBoundingClientRect();
  const down = direction * (to.top - from.top);
  const sideways = Math.abs(to.left + to.width / 2 - from.left - from.width / 2);
  return down > 8 ? down * 4 + sideways : Infinity;
};

const neighbourOf = (card, key) => {
  const cards = findAll("#cards > .card");
  const position = cards.indexOf(card);
  const direction = /Right|Down/.test(key) ? 1 : -1;
  if (position < 0) return cards[0];
  if (/Left|Right/.test(key)) return cards[position + direction] || card;
  const nearer = (best, other) => (distance(card, other, direction) < distance(card, best, direction) ? other : best);
  return cards.reduce(nearer, card);
};

const moveTo = (card, next, isSelecting) => {
  if (isSelecting) for (const one of [card, next]) if (one) find(".tick-box input", one).checked = true;
  next.tabIndex = -1;
  (find(".open", next) || next).focus();
  showSelection();
};

const openSharing = async (link) => {
  await openViewer(link);
  find("[data-hotkey=s]", viewer)?.click();
};

/* The key as the shortcuts name it. Where the keyboard writes Cyrillic, Greek, Hebrew or Arabic letters, the key's
   position says which Latin letter is meant; where it writes Latin ones, they are taken as they are. */
const shortcutOf = ({ key, code }) => {
  const isOtherScript = /^\p{L}$/u.test(key) && !/^\p{Script=Latin}$/u.test(key);
  const latin = isOtherScript && code.match(/^Key([A-Z])$/)?.[1];
  return key.length === 1 ? (latin || key).toLowerCase() : key;
};

const moveToTrash = (card) =>
  htmx.ajax("POST", `${addressOf(card)}/trash`, { source: "#action", target: "#cards", swap: "cards" });

const collect = (card) => {
  if (card && !find("#cards [name=ids]:checked")) find("[name=ids]", card).checked = true;
  showSelection();
  find("#collect").click();
};

/* Does what the key stands for; false if it stands for nothing here. */
const act = (key, shiftKey) => {
  const card = document.activeElement.closest(".card");
  const dialog = find("dialog[open]");
  const scope = dialog || card || document;
  const button = find(`[data-hotkey="${CSS.escape(key)}" i]`, key === "?" ? document : scope);
  const video = key === " " && find("video", scope);
  const link = card && find(".open:not([data-stack])", card);
  if (button) button.click();
  else if (video) video.paused ? video.play() : video.pause();
  else if (key === "s" && link) openSharing(link);
  else if (key === "c" && !dialog && find("#collect")) collect(card);
  else if (key === "Delete" && card?.matches(".is-mine.is-ready")) moveToTrash(card);
  else if (key === "/") find(".search input").focus();
  else if (key === "p" && field("prompt") && !dialog) field("prompt").focus();
  else if (key.startsWith("Arrow") && find("#cards .card") && !dialog) moveTo(card, neighbourOf(card, key), shiftKey);
  else return false;
  return true;
};

listen("keydown", (event) => {
  const key = shortcutOf(event);
  const active = document.activeElement;
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
  if (active.closest(TEXT_FIELDS)) return;
  if (key === " " && active.closest(PRESSED_BY_SPACE)) return;
  if (key === "Escape" && !find(":popover-open")) find("#selection")?.reset();
  if (act(key, event.shiftKey)) event.preventDefault();
});
