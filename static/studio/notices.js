/* Notices of the operating system about finished videos, while the tab is in the background. */
import { find, listen } from "./dom.js";
import { showToast } from "./toast.js";

const areOn = () => Boolean(localStorage.tell) && window.Notification?.permission === "granted";

export const notify = (words, tag) => {
  if (!document.hidden || !areOn()) return;
  new Notification(words, { tag }).onclick = () => focus();
  find("#chime")
    .play()
    .catch(() => {});
};

const showSwitch = () => {
  const button = find("#tell");
  if (button) button.ariaPressed = areOn();
};

listen("click", async ({ target }) => {
  if (!target.closest("#tell")) return;
  localStorage.tell = areOn() ? "" : "yes";
  const isRefused = localStorage.tell && (await window.Notification?.requestPermission()) !== "granted";
  if (isRefused) showToast("no-notices");
  showSwitch();
});

showSwitch();
