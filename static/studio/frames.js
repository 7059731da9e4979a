/* The player's current frame as a start or end frame. Loaded on first use. */
import { find } from "./dom.js";
import { triggerChange, unfold, field } from "./form.js";
import { viewer } from "./viewer.js";

export const act = async (button) => {
  const which = button.dataset.frame;
  const video = find("video.player", viewer);
  video.pause();
  button.disabled = true;
  const values = { [`${which}_from`]: button.dataset.video, at: video.currentTime.toFixed(3) };
  const place = { target: `#slot-${which}`, swap: "outerHTML" };
  await htmx.ajax("POST", `/frame/${which}`, { source: "#action", values, ...place });
  button.disabled = false;
  if (!find(`#slot-${which}`).matches(".is-filled")) return;
  viewer.close();
  unfold();
  field("prompt").focus();
  triggerChange(field("prompt"));
};
