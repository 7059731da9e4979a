/* Live updates: each tab asks for changes, with one small request at a time. Clocks run in the browser. */
import { placePostponedCards } from "./cards.js";
import { find, findAll, formatClock, listen } from "./dom.js";

/* The clocks and rings of cards in progress follow the server's time. */
let offset = (find("#live")?.dataset.now * 1000 || Date.now()) - Date.now();

/* HTTP dates are whole seconds, so a difference of less than one is ignored. */
const setServerTime = (milliseconds) => {
  const measured = milliseconds - Date.now();
  offset = Math.max(offset - 1000, Math.min(offset + 1000, measured));
};

const showElapsed = (card) => {
  const { since, eta, overdue, state } = card.dataset;
  const elapsed = (Date.now() + offset) / 1000 - since;
  const clock = find(".tick", card);
  if (clock) clock.textContent = formatClock(elapsed);
  if (state !== "running") return;
  // The ring is never empty, and never full before the video is ready.
  const percent = Math.max(2, Math.min(96, (100 * elapsed) / eta));
  find(".run", card)?.setAttribute("stroke-dashoffset", 100 - percent);
  card.classList.toggle("is-late", elapsed > eta);
  card.classList.toggle("is-overdue", elapsed > overdue);
};

const tick = () => findAll("[data-since]").forEach(showElapsed);

let timer;
let failuresInARow = 0;

/* A hidden tab asks only while videos are in progress, for its title and for notifications. */
const look = () => {
  const isBusy = parseInt(find("#n-running")?.textContent) > 0;
  clearTimeout(timer);
  if (find("#live") && (isBusy || !document.hidden)) htmx.trigger("#live", "look");
  timer = setTimeout(look, document.hidden ? 10_000 : isBusy ? 1000 : 5000);
};

listen("visibilitychange", () => document.hidden || look());

/* After an action, updates are fetched at once; a request for advice changes nothing. */
listen("htmx:afterRequest", (event) => {
  const { xhr, elt, successful } = event.detail;
  if (elt.id !== "live") {
    if (elt.id !== "adviser") setTimeout(look, 50);
    return;
  }
  if (xhr.status === 401) return clearTimeout(timer);
  failuresInARow = successful ? 0 : failuresInARow + 1;
  find("#offline").hidden = failuresInARow < 2;
  const serverTime = successful && Date.parse(xhr.getResponseHeader("Date"));
  if (serverTime) setServerTime(serverTime);
  placePostponedCards();
});

listen("htmx:historyRestore", () => {
  find("#q").value = new URLSearchParams(location.search).get("q") || "";
});

setInterval(tick, 1000);
tick();
timer = setTimeout(look, 1000);
