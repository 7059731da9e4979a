/* The player's current frame on a video's own page: it is stored, and the gallery's composer opens with it. */
import { find } from "./dom.js";
import { showToast } from "./toasts.js";

const keep = async ({ frame, video }, at) => {
  const body = new FormData(find("form:has([name=csrfmiddlewaretoken])"));
  body.set(`${frame}_from`, video);
  body.set("at", at);
  const response = await fetch(`/frame/${frame}`, { method: "POST", body });
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  return response.ok ? find(`[name=${frame}_picture]:checked`, page) : showToast(response.status);
};

export const act = async (button) => {
  const video = find("video.player");
  video.pause();
  button.disabled = true;
  const picture = await keep(button.dataset, video.currentTime.toFixed(3));
  button.disabled = false;
  if (picture) location.assign(`/?${picture.name}=${picture.value}`);
};
