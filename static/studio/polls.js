/* Parts of a page that load themselves again every data-every seconds, while something is in progress. Loaded with the
   first of them. A hidden tab asks nothing; it asks at once when it is shown again. */
import { find, findAll, listen } from "./dom.js";

const dueAt = new WeakMap(); // part → the time of its next request
let failuresInARow = 0;

const askAll = (isShownAgain) => {
  if (document.hidden) return;
  for (const part of findAll("[data-every]")) {
    const isDue = isShownAgain || dueAt.get(part) <= Date.now();
    if (isDue || !dueAt.has(part)) dueAt.set(part, Date.now() + part.dataset.every * 1000);
    if (isDue) htmx.trigger(part, "look");
  }
};

/* Its subject is gone: the part's own words about that take its place, and nothing asks any more. */
const showGone = (part) => {
  const hadFocus = part.contains(document.activeElement);
  const words = find("template", part).content.firstElementChild.cloneNode(true);
  part.replaceWith(words);
  if (hadFocus) words.focus();
};

listen("htmx:afterRequest", ({ detail: { elt, xhr, successful } }) => {
  if (!elt.matches("[data-every]")) return;
  if (xhr.status === 404) return showGone(elt);
  if (xhr.status === 401) return delete elt.dataset.every;
  failuresInARow = successful ? 0 : failuresInARow + 1;
  if (!find("#live")) find("#offline").hidden = failuresInARow < 2; // the gallery finds that out by itself
});

listen("visibilitychange", () => askAll(true));
setInterval(askAll, 500);
askAll();
