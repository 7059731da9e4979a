/* Previews: a saved video plays in its card while somebody points at it. Loaded on first use. */
import { addressOf, placePostponedCards } from "./cards.js";
import { createElement, find, listen, unloadVideo } from "./dom.js";

const PREVIEW_DELAY = 150; // ms: the pointer may only be passing
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

const addVideo = (card) => {
  const source = { src: `${addressOf(card)}/video.mp4`, muted: true, loop: true, playsInline: true };
  const video = createElement("video", { ...source, tabIndex: -1, ariaHidden: "true" });
  find(".open", card).before(video);
  return video;
};

const pointAt = ({ target }) => {
  const isBelowViewer = find("dialog:modal"); // the pointer was here before it opened, and this script came after it
  const card = isBelowViewer ? null : target.closest?.(".card.is-ready");
  if (card && card === preview?.closest(".card")) return;
  stopPreview();
  if (!card) return;
  preview = find("video", card) || addVideo(card);
  setTimeout(startPreview, PREVIEW_DELAY, preview);
};

export const start = (event) => {
  pointAt(event);
  listen("mouseover focusin", pointAt);
};
