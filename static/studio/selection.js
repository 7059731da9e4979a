/* Selecting several cards, and what the selection bar says of them. */
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
  output.textContent = ticked.length ? `${count} selected${megabytes ? `, ${megabytes.toFixed(1)} MB` : ""}` : "";
  showWaiting(sum(ticked, "waiting", 0));
};

/* Only what waits can be cancelled; the button says how much of the selection that is. */
const showWaiting = (waiting) => {
  const button = find("#cancel-waiting");
  if (!button) return;
  button.hidden = !waiting;
  find("span", button).textContent = everything().checked ? "Cancel what waits" : `Cancel ${waiting}`;
};

/* Shift selects from the last one ticked to this one. */
const selectRange = (target) => {
  const all = boxes();
  const [first, last] = [all.indexOf(lastTicked), all.indexOf(target)].sort((a, b) => a - b);
  if (first < 0) return;
  for (const box of all.slice(first, last)) box.checked = target.checked;
};

listen("click", ({ target, shiftKey }) => {
  if (target.matches("[name=everything]")) showSelection();
  if (!target.matches(".tick-box input")) return;
  if (shiftKey) selectRange(target);
  lastTicked = target;
  showSelection();
});

/* A form is reset after its event, and a card settles after its own. */
listen("reset htmx:afterSettle", () => setTimeout(showSelection));
