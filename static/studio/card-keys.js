/* Keys in the gallery: arrows go from card to card, and letters act on the card that has the focus. */
import { addressOf } from "./cards.js";
import { find, findAll } from "./dom.js";
import { field } from "./form.js";
import { alsoOnKey } from "./keys.js";
import { openViewer, viewer } from "./viewer.js";

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

const select = (card) => find(".tick-box input:not(:checked)", card)?.click();

const moveTo = (card, next, isSelecting) => {
  if (isSelecting) for (const one of [card, next]) if (one) select(one);
  next.tabIndex = -1;
  (find(".open", next) || next).focus();
};

const openSharing = async (link) => {
  await openViewer(link);
  find("[data-hotkey=s]", viewer)?.click();
};

const moveToTrash = (card) =>
  htmx.ajax("POST", `${addressOf(card)}/trash`, { source: "#action", target: "#cards", swap: "cards" });

const collect = (card) => {
  if (card && !find("#cards .tick-box :checked")) select(card);
  find("#collect").click();
};

alsoOnKey((key, shiftKey, dialog) => {
  const card = document.activeElement.closest(".card");
  const link = card && find(".open:not([data-stack])", card);
  const pressed = card && { x: ".tick-box input", f: ".starred" }[key];
  if (pressed && !dialog) find(pressed, card)?.click();
  else if (key === "s" && link) openSharing(link);
  else if (key === "c" && !dialog && find("#collect")) collect(card);
  else if (key === "Delete" && card?.matches(".is-mine.is-ready")) moveToTrash(card);
  else if (key === "p" && field("prompt") && !dialog) field("prompt").focus();
  else if (key.startsWith("Arrow") && find("#cards .card") && !dialog) moveTo(card, neighbourOf(card, key), shiftKey);
  else return false;
  return true;
});
