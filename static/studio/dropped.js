/* A file that was dropped or pasted on the composer. Loaded once that happens. */
import { find } from "./dom.js";
import { hasFrame, triggerChange } from "./form.js";

const uploadFrame = (file, slot) => {
  const freeSlot = hasFrame("start") && !hasFrame("end") ? "end" : "start";
  const input = find(`#slot-${slot?.dataset.slot || freeSlot} input[type=file]`);
  const transfer = new DataTransfer();
  transfer.items.add(file);
  input.files = transfer.files;
  triggerChange(input);
};

export const take = (file, place) => uploadFrame(file, place.closest("[data-slot]"));
