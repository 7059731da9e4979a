/* Start and end frame: the two slots, and pictures that are dropped or pasted. */
import { find, listen } from "./dom.js";
import { composer, triggerChange } from "./form.js";

export const hasFrame = (which) => find(`#slot-${which}`).classList.contains("is-filled");

/* Loads a slot: an empty query empties it. */
export const loadFrame = (which, query = "") =>
  htmx.ajax("GET", `/frame/${which}${query}`, { target: `#slot-${which}`, swap: "outerHTML" });

const uploadFrame = (file, slot) => {
  const freeSlot = hasFrame("start") && !hasFrame("end") ? "end" : "start";
  const input = find(`#slot-${slot?.dataset.slot || freeSlot} input[type=file]`);
  const transfer = new DataTransfer();
  transfer.items.add(file);
  input.files = transfer.files;
  triggerChange(input);
};

listen("dragover", (event) => {
  if (!composer() || !event.dataTransfer.types.includes("Files")) return;
  event.preventDefault();
  composer().classList.toggle("is-over", composer().contains(event.target));
});

listen("dragleave drop", () => composer()?.classList.remove("is-over"));

listen("drop paste", (event) => {
  const file = (event.dataTransfer || event.clipboardData)?.files[0];
  if (!file || !composer()) return;
  event.preventDefault(); // beside the form, the browser would leave the page for the picture
  if (composer().contains(event.target)) uploadFrame(file, event.target.closest("[data-slot]"));
});
