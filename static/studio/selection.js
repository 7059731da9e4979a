/* Selecting several cards, and what the selection bar says of them. */
import { find, findAll, listen } from "./dom.js";

let lastTicked;

export const showSelection = () => {
  const output = find("#selected");
  if (!output) return;
  const selected = findAll("#cards [name=ids]:checked");
  const megabytes = selected.reduce((sum, box) => sum + Number(box.dataset.size), 0) / 1e6;
  const size = megabytes ? `, ${megabytes.toFixed(1)} MB` : "";
  output.textContent = selected.length ? `${selected.length} selected${size}` : "";
  showWaiting(selected);
};

/* Only what waits can be cancelled; the button says how much of the selection that is. */
const showWaiting = (selected) => {
  const button = find("#cancel-waiting");
  if (!button) return;
  const waiting = selected.filter((box) => box.closest(".card").dataset.state === "queued").length;
  button.hidden = !waiting;
  find("span", button).textContent = `Cancel ${waiting}`;
};

/* Shift selects from the last one ticked to this one. */
const selectRange = (target) => {
  const boxes = findAll("#cards [name=ids]");
  const [first, last] = [boxes.indexOf(lastTicked), boxes.indexOf(target)].sort((a, b) => a - b);
  if (first < 0) return;
  for (const box of boxes.slice(first, last)) box.checked = target.checked;
};

listen("click", ({ target, shiftKey }) => {
  if (target.name !== "ids") return;
  if (shiftKey) selectRange(target);
  lastTicked = target;
  showSelection();
});

/* A form is reset after its event, and a card settles after its own. */
listen("reset htmx:afterSettle", () => setTimeout(showSelection));
