/* Reviewing a collection, in the studio and behind a client's link. These pages load nothing of the gallery. */
import "./playable.js";
import { find, findAll, listen } from "./dom.js";
import { playOrPause, stepFrame } from "./film.js";
import { showToast } from "./toasts.js";

document.documentElement.classList.add("scripted"); // some styles need scripts, and wait for this

/* Keyboard */
const TEXT_FIELDS = "input:not([type=checkbox], [type=range]), textarea, select, [popover]";
const PRESSED_BY_SPACE = "button, a, summary, input";

const keys = {
  " ": playOrPause,
  ",": () => stepFrame(-1),
  ".": () => stepFrame(1),
  c: () => find("#comment-form textarea")?.focus(),
};

const act = (key) => {
  const button = find(`[data-hotkey="${CSS.escape(key)}"]`);
  const isPlaying = key in keys && find("#film");
  if (button) button.click();
  else if (isPlaying) keys[key]();
  return button || isPlaying;
};

listen("keydown", (event) => {
  const { key, shiftKey, target } = event;
  const isSending = key === "Enter" && (event.ctrlKey || event.metaKey) && target.closest("form.says");
  if (isSending) return target.closest("form").requestSubmit();
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
  if (key === "Escape" && target.matches("textarea")) target.blur();
  if (target.closest(TEXT_FIELDS) || (key === " " && target.closest(PRESSED_BY_SPACE))) return;
  if (key.startsWith("Arrow") && target.matches("[type=range]")) return;
  const isMove = shiftKey && /^Arrow(Left|Right)$/.test(key);
  if (isMove ? moveCurrent(key === "ArrowRight" ? 1 : -1) : act(key)) event.preventDefault();
});

/* The order of the clips: drag one to its new place, or Shift with an arrow. */
const shots = () => findAll(".shots.is-sortable > li");

const keepOrder = () => {
  const strip = find(".shots.is-sortable");
  const token = find("[name=csrfmiddlewaretoken]").value;
  const values = { g: shots().map((shot) => shot.dataset.g), csrfmiddlewaretoken: token };
  htmx.ajax("POST", strip.dataset.order, { values, swap: "none", source: strip });
};

const moveCurrent = (step) => {
  const all = shots();
  const at = all.findIndex((shot) => find("[aria-current]", shot));
  const other = at >= 0 && all[at + step];
  if (!other) return false;
  step > 0 ? other.after(all[at]) : other.before(all[at]);
  keepOrder();
  return true;
};

/* On a phone the strip is one row, which scrolls sideways. */
const showCurrentShot = () => {
  const shot = find(".shots [aria-current]")?.closest("li");
  if (shot) shot.parentElement.scrollLeft = shot.offsetLeft - shot.parentElement.clientWidth / 3;
};

let dragged;
listen("dragstart", ({ target }) => (dragged = target.closest?.(".shots.is-sortable > li")));
listen("dragover", (event) => {
  const over = dragged && event.target.closest(".shots.is-sortable > li");
  if (!dragged) return;
  event.preventDefault();
  if (!over || over === dragged) return;
  const all = shots();
  all.indexOf(over) > all.indexOf(dragged) ? over.after(dragged) : over.before(dragged);
});
listen("dragend", () => {
  if (dragged) keepOrder();
  dragged = null;
});

listen("htmx:beforeSwap", ({ detail }) => {
  if (dragged) detail.shouldSwap = false;
});

/* Shows what went wrong, and keeps what was written. */
listen("htmx:responseError htmx:sendError htmx:timeout", ({ detail: { elt, xhr } }) => {
  const isBackground = elt.matches("[data-every]");
  if (xhr?.status === 404 && find("#gone")) showGone(elt);
  else if (!isBackground || xhr?.status === 401) showToast(xhr?.status);
});

/* A client reads where they have pressed that the link has ended, and it stays there. */
const showGone = (pressed) => {
  const words = find("#gone").content.firstElementChild.cloneNode(true);
  find(".notice.gone")?.remove();
  (pressed.closest("form, .shots") || find("#review").firstElementChild).before(words);
  words.scrollIntoView({ block: "nearest" });
};

listen("htmx:configRequest", ({ detail: { parameters } }) => {
  const token = document.cookie.match(/\bcsrftoken=(\w+)/)?.[1];
  if (token && parameters.csrfmiddlewaretoken) parameters.csrfmiddlewaretoken = token; // signed in elsewhere since
});

listen("htmx:afterSettle", ({ target }) => {
  const announced = target.id === "review" && find("#announce");
  if (announced) announced.textContent = find("#clip-title")?.textContent || "";
  showCurrentShot();
});

showCurrentShot();
