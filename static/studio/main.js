/* The studio beyond links and forms, a module for each subject. Without scripts the pages still work.
   What only one page needs is loaded by that page, and what only some people open is loaded when it is opened. A page
   without gallery and composer loads page.js instead. */
import { listen, reducedMotion } from "./dom.js";
import { composer } from "./form.js";
import "./cards.js";
import "./live.js";
import "./composer.js";
import * as picker from "./picker.js"; // at once: an Enter before it is loaded would choose another model
import "./viewer.js";
import "./page.js";
import "./card-keys.js"; // last: it acts on keys that no other module has taken

/* Loaded once somebody needs it. Here, and not in a module that these import in turn: the hash in a module's name
   depends on the modules that it names. */
const later = {
  stacks: () => import("./stacks.js"),
  all: () => import("./select-all.js"),
  picker: () => picker,
  words: () => import("./words.js"),
  frames: () => import("./frames.js"),
  "frame-of-page": () => import("./frame-of-page.js"),
};

listen("click", async (event) => {
  const button = event.target.closest("[data-later]");
  if (!button || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  (await later[button.dataset.later]()).act(button);
});

/* A card that is dragged goes onto a collection, or into the composer. */
listen("dragstart", async ({ target, dataTransfer }) => {
  const card = target.closest?.("#cards .card");
  if (!card) return;
  if (!dataTransfer.types.length) dataTransfer.setData("studio/card", card.id); // nothing is dragged without data
  (await import("./drag.js")).start(card);
});

listen("drop paste", async (event) => {
  const dropped = event.dataTransfer || event.clipboardData;
  const file = dropped?.files[0];
  const address = dropped?.getData("text/uri-list");
  if (!composer() || (!file && !address?.includes("/g/"))) return;
  event.preventDefault(); // beside the form, the browser would leave the page for the file
  const place = composer().contains(event.target) && event.target;
  if (place) (await import("./dropped.js")).take(file, address, place);
});

let selection; // a click with Shift may come while it loads, and has its turn
listen("click", async (event) => {
  if (!event.target.matches(".tick-box input")) return;
  selection ??= import("./selection.js");
  (await selection).tick(event);
});

const canHover = matchMedia("(hover: hover)");
const startPreviews = async (event) => {
  if (!event.target.closest?.(".card.is-ready") || reducedMotion.matches || !canHover.matches) return;
  for (const name of ["mouseover", "focusin"]) document.removeEventListener(name, startPreviews);
  (await import("./previews.js")).start(event);
};
listen("mouseover focusin", startPreviews);
