/* Selects all cards of a day, or everything that the filters find. Loaded on first use. */
import { find } from "./dom.js";
import { everything, showSelection } from "./selection.js";

/* The cards below one heading; without a key all, also those that are not loaded yet. */
export const act = ({ dataset: { select: key } }) => {
  let isBelow = !key;
  for (const item of find("#cards").children) {
    if (key && item.matches(".day")) isBelow = item.dataset.section === key;
    const box = isBelow && find(".tick-box input", item);
    if (box && !item.matches(".is-within")) box.checked = true;
  }
  if (!key) everything().checked = Boolean(find("#more"));
  showSelection();
};
