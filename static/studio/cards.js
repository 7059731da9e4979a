/* Cards in the gallery: a new one is inserted, a changed one is replaced, and one that is in use is left alone. */
import { find, findAll, listen, reducedMotion, unloadVideo } from "./dom.js";
import { notify } from "./notices.js";

const postponed = new Map(); // id → the changed card, while the one on the page is in use
let isLiveUpdate = false;

const isInUse = (card) =>
  find(":popover-open, input:focus, textarea:focus", card) || findAll("video", card).some((video) => !video.paused);

const focusIn = (card) => find(".open, .button", card)?.focus({ preventScroll: true });

const removeCard = (card, hadFocus) => {
  if (card) postponed.delete(card.id);
  const neighbour = hadFocus && (card.nextElementSibling || card.previousElementSibling);
  card?.remove();
  if (neighbour) focusIn(neighbour);
};

const insertCard = (fresh) => {
  const after = findAll("#cards > .card").find((card) => Number(card.dataset.order) < Number(fresh.dataset.order));
  const belongsToALaterPage = !after && find("#more");
  if (belongsToALaterPage) return;
  fresh.classList.add("is-new");
  find("#cards").insertBefore(fresh, after || null);
  return fresh;
};

const announce = (card) => {
  find("#announce").textContent = card.dataset.say;
  notify(card.dataset.say, card.id);
};

const replaceCard = (old, fresh) => {
  const focused = document.activeElement;
  const hadFocus = old.contains(focused);
  old.replaceWith(fresh);
  if (hadFocus) {
    const sameElement = focused.id && document.getElementById(focused.id);
    if (sameElement) sameElement.focus({ preventScroll: true });
    else focusIn(fresh);
  }
  if (isLiveUpdate) find("[name=ids]", fresh).checked = find("[name=ids]", old).checked;
  if (fresh.dataset.say && fresh.dataset.state !== old.dataset.state) announce(fresh);
  return fresh;
};

const placeCard = (fresh) => {
  const old = document.getElementById(fresh.id);
  if (fresh.hasAttribute("data-gone")) return removeCard(old, old?.contains(document.activeElement));
  if (!old) return insertCard(fresh);
  const isOutdated = isLiveUpdate && Number(fresh.dataset.version) <= Number(old.dataset.version);
  if (isOutdated) return;
  if (isLiveUpdate && isInUse(old)) {
    postponed.set(fresh.id, fresh);
    return;
  }
  postponed.delete(fresh.id);
  return replaceCard(old, fresh);
};

/* hx-swap="cards": the reply holds whole cards, and <i data-gone> for each that is to be removed. */
htmx.defineExtension("cards", {
  isInlineSwap: (swapStyle) => swapStyle === "cards",
  handleSwap: (swapStyle, target, fragment) =>
    swapStyle === "cards" && findAll(".card, [data-gone]", fragment).map(placeCard).filter(Boolean),
});

listen("htmx:beforeSwap", (event) => {
  isLiveUpdate = event.detail.requestConfig.elt.id === "live";
});

/* Tries the postponed cards again, once what kept them may be over. */
export const placePostponedCards = () => {
  isLiveUpdate = true;
  for (const card of [...postponed.values()]) {
    const placed = document.getElementById(card.id) && placeCard(card);
    if (placed) htmx.process(placed);
  }
};

/* Previews: a saved video plays in its card while somebody points at it. */
const PREVIEW_DELAY = 150; // ms: the pointer may only be passing
const canHover = matchMedia("(hover: hover)");
let preview;

const stopPreview = () => {
  if (!preview) return;
  unloadVideo(preview);
  preview.closest(".card")?.classList.remove("is-playing");
  preview = null;
  placePostponedCards();
};

const startPreview = async (video) => {
  if (preview !== video) return;
  if (!video.hasAttribute("src")) video.src = video.dataset.src;
  try {
    await video.play();
  } catch {
    return; // stopped before it began, or not playable in this browser
  }
  if (preview === video) video.closest(".card").classList.add("is-playing");
};

listen("mouseover focusin", ({ target }) => {
  const card = target.closest?.(".card");
  const video = card && find("video", card);
  if (video === preview) return;
  stopPreview();
  if (!video || reducedMotion.matches || !canHover.matches) return;
  preview = video;
  setTimeout(startPreview, PREVIEW_DELAY, video);
});
