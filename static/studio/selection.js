/* Selecting several cards, and the counts in the selection bar. Loaded when the first one is ticked. */
import { find, findAll, listen } from "./dom.js";

let lastTicked;

const boxes = () => findAll("#cards .tick-box input");
const sum = (ticked, name, each) => ticked.reduce((total, box) => total + Number(box.dataset[name] || each), 0);

/* A ticked stack stands for its cards, also where it is open. */
const isCounted = (box) => !find(`#b-${box.closest(".card").dataset.batch} .tick-box :checked`);
export const everything = () => find("[name=everything]");

export const showSelection = () => {
  const output = find("#selected");
  if (!output) return;
  const ticked = boxes().filter((box) => box.checked && isCounted(box));
  const areAll = ticked.length > 0 && boxes().every((box) => box.checked || !isCounted(box));
  everything().closest("label").hidden = !areAll || !find("#more");
  if (!areAll) everything().checked = false;
  const count = everything().checked ? everything().dataset.count : sum(ticked, "count", 1);
  const megabytes = !everything().checked && sum(ticked, "size", 0) / 1e6;
  const { max } = output.dataset;
  const cut = count > Number(max) ? `, of which the newest ${max} are taken` : "";
  const size = megabytes ? `, ${megabytes.toFixed(1)} MB` : "";
  const words = `${count} selected${size}${cut}`;
  output.textContent = ticked.length ? words : "";
  showWaiting(sum(ticked, "waiting", 0));
};

/* Only queued generations can be cancelled; the button shows how many of the selection are. */
const showWaiting = (waiting) => {
  const button = find("#cancel-waiting");
  if (!button) return;
  button.hidden = !waiting;
  find("span", button).textContent = everything().checked ? "Cancel queued videos" : `Cancel ${waiting}`;
};

/* Shift selects everything between the last selected card and this one. */
const selectRange = (target) => {
  const all = boxes();
  const [first, last] = [all.indexOf(lastTicked), all.indexOf(target)].sort((a, b) => a - b);
  if (first < 0) return;
  for (const box of all.slice(first, last)) box.checked = target.checked;
};

export const tick = ({ target, shiftKey }) => {
  if (shiftKey) selectRange(target);
  lastTicked = target;
  showSelection();
};

listen("click", (event) => {
  if (event.target.matches("[name=everything]")) showSelection();
});

/* The form is reset, and the card settles, only after these events. */
listen("reset htmx:afterSettle", () => setTimeout(showSelection));
