/* Cards in the gallery: a new one is inserted, a changed one is replaced, and one that is in use is left alone. */
import { createElement, find, findAll, listen } from "./dom.js";

const postponed = new Map(); // id → the changed card, while the one on the page is in use
let isLiveUpdate = false;

const isInUse = (card) =>
  card.matches(".has-menu") ||
  find(":popover-open, input:focus, textarea:focus, button:disabled", card) || // disabled: no answer yet
  findAll("video", card).some((video) => !video.paused);

export const addressOf = (card) => `/g/${card.id.slice(2)}`;

const focusIn = (card) => find(".open, .button", card)?.focus({ preventScroll: true });

const removeCard = (card, hadFocus) => {
  if (card) postponed.delete(card.id);
  const neighbour = hadFocus && (card.nextElementSibling || card.previousElementSibling);
  card?.remove();
  if (neighbour) focusIn(neighbour);
};

const stackOf = (card) => document.getElementById(`b-${card.dataset.batch}`);
const stackLink = (stack) => find("[data-stack]", stack);
export const isOpen = (stack) => stackLink(stack)?.ariaExpanded === "true";
export const batchOf = (stack) => find("[name=batches]", stack).value;

/* Each request for changes names the open stacks, so that it gets their cards. */
export const openStack = (stack) => {
  stackLink(stack).ariaExpanded = true;
  const input = { type: "hidden", name: "open", value: batchOf(stack) };
  stack.append(createElement("input", input));
};

export const cardsWithin = (stack) => findAll(`#cards > [data-batch="${stack.id.slice(2)}"]`);

const insertWithin = (fresh, stack) => {
  if (!isOpen(stack)) return;
  const before = cardsWithin(stack).filter((card) => Number(card.dataset.order) > Number(fresh.dataset.order));
  fresh.classList.add("is-within");
  (before.at(-1) || stack).after(fresh);
  return fresh;
};

const headingOf = (card) => {
  let place = card;
  while (place && !place.matches(".day")) place = place.previousElementSibling;
  return place;
};

/* The place of a card that comes before `after`: not below the heading of another day. */
const placeBefore = (after, heading) => {
  let place = after || find("#more");
  if (!heading || !after || headingOf(after) === heading) return place;
  while (place.previousElementSibling?.matches(".day, .row-end")) place = place.previousElementSibling;
  return place;
};

const insertCard = (fresh, heading) => {
  const stack = stackOf(fresh);
  if (stack) return insertWithin(fresh, stack);
  const after = findAll("#cards > .card").find((card) => Number(card.dataset.order) < Number(fresh.dataset.order));
  const belongsToALaterPage = !after && find("#more");
  if (belongsToALaterPage) return;
  fresh.classList.add("is-new");
  const known = heading && find(`#cards > [data-section="${CSS.escape(heading.dataset.section)}"]`);
  const place = placeBefore(after, known || heading);
  if (heading && !known) find("#cards").insertBefore(heading, place);
  find("#cards").insertBefore(fresh, place);
  if (heading && !known && place) fresh.after(createElement("i", { className: "row-end" }));
  return fresh;
};

const announce = (card) => {
  find("#announce").textContent = card.dataset.say;
  if (document.hidden) import("./notify.js").then(({ notify }) => notify(card.dataset.say, card.id));
};

const replaceCard = (old, fresh) => {
  const focused = document.activeElement;
  const hadFocus = old.contains(focused);
  old.replaceWith(fresh);
  if (hadFocus) {
    const sameElement = focused.id ? document.getElementById(focused.id) : find(`.${focused.classList[0]}`, fresh);
    if (sameElement) sameElement.focus({ preventScroll: true });
    else focusIn(fresh);
  }
  if (isLiveUpdate) find(".tick-box input", fresh).checked = find(".tick-box input", old).checked;
  else fresh.dataset.order = old.dataset.order; // the answer to an action does not know the order of this page
  fresh.classList.toggle("is-within", old.matches(".is-within"));
  if (isOpen(old)) openStack(fresh);
  if (fresh.dataset.say && fresh.dataset.state !== old.dataset.state) announce(fresh);
  return fresh;
};

/* A new stack replaces the single cards of its batch. */
const gather = (stack) => {
  if (stack?.matches(".is-stack") && !isOpen(stack)) cardsWithin(stack).forEach((card) => card.remove());
  return stack;
};

const placeCard = (fresh, heading) => {
  const old = document.getElementById(fresh.id);
  if (fresh.hasAttribute("data-gone")) return removeCard(old, old?.contains(document.activeElement));
  if (!old) return gather(insertCard(fresh, heading));
  const isOutdated = isLiveUpdate && Number(fresh.dataset.version) <= Number(old.dataset.version);
  if (isOutdated) return;
  if (isLiveUpdate && isInUse(old)) {
    postponed.set(fresh.id, fresh);
    return;
  }
  postponed.delete(fresh.id);
  return replaceCard(old, fresh);
};

/* hx-swap="cards": the reply holds whole cards, each first one of a day below its heading, and <i data-gone> for each
   that is to be removed. */
const placeAll = (fragment) => {
  let heading;
  for (const said of findAll("[data-place]", fragment)) {
    // Its place in the queue: the card, and the stack that it represents, have not changed.
    for (const shown of findAll(`.${said.dataset.place}`)) shown.textContent = said.textContent;
  }
  const placed = findAll(".day, .card, [data-gone]", fragment).map((item) => {
    if (!item.matches(".day")) return placeCard(item, heading);
    heading = item;
  });
  return placed.filter(Boolean);
};

htmx.defineExtension("cards", {
  isInlineSwap: (swapStyle) => swapStyle === "cards",
  handleSwap: (swapStyle, target, fragment) => swapStyle === "cards" && placeAll(fragment),
});

listen("htmx:beforeSwap", ({ detail }) => {
  const { elt } = detail.requestConfig;
  isLiveUpdate = elt.id === "live";
  // HTMX looks for the extension around the element that asked. If that has left the page meanwhile, it finds none, and
  // would replace all cards by the reply.
  if (!elt.isConnected) elt.setAttribute("hx-ext", "cards");
});

/* Tries to insert the postponed cards, when those on the page may no longer be in use. */
export const placePostponedCards = () => {
  isLiveUpdate = true;
  for (const card of [...postponed.values()]) {
    const placed = document.getElementById(card.id) && placeCard(card);
    if (placed) htmx.process(placed);
  }
};

/* Buttons of the form #action carry its address; with scripts off, the browser sends them itself. */
const doAction = async (button) => {
  const path = button.getAttribute("formaction") || `${addressOf(button.closest(".card"))}/${button.name}`;
  button.disabled = true;
  await htmx.ajax("POST", path, { source: button, target: "#cards", swap: "cards" });
  button.disabled = false;
};

listen("click", (event) => {
  const button = event.target.closest("button[form=action]");
  if (!button) return;
  event.preventDefault();
  doAction(button);
});

/* One menu serves all cards, and is loaded when it is opened; so are a card's details. */
let menuCard;

const openMenu = (menu) => {
  menuCard = document.activeElement.closest(".card");
  menuCard?.classList.add("has-menu");
  menu.replaceChildren();
  load(menu, menuCard, "menu");
};

const closeMenu = () => {
  menuCard?.classList.remove("has-menu");
  placePostponedCards();
};

const load = (popover, card, what) =>
  htmx.ajax("GET", `${addressOf(card)}/${what}`, { target: popover, swap: "innerHTML" });

listen(
  "beforetoggle",
  ({ target, newState }) => {
    const isOpening = newState === "open";
    if (target.id === "card-menu") isOpening ? openMenu(target) : closeMenu();
    else if (isOpening && target.matches?.(".details:empty")) load(target, target.closest(".card"), "details");
  },
  true,
);
