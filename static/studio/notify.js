/* Notifications by the operating system about finished videos while the tab is in the background, and their switch in
   the account menu. Loaded when a menu is opened, or when there is something to notify about. */
import { find } from "./dom.js";
import { showToast } from "./toasts.js";

/* `tell` is its name in version 0.1. */
const areOn = () => Boolean(localStorage.notify ?? localStorage.tell) && window.Notification?.permission === "granted";

export const notify = (words, tag) => {
  if (!document.hidden || !areOn()) return;
  new Notification(words, { tag }).onclick = () => focus();
  find("#chime")
    .play()
    .catch(() => {});
};

const showSwitch = () => {
  const button = find("#notify");
  if (button) button.ariaPressed = areOn();
};

export const turnOnOrOff = async () => {
  localStorage.notify = areOn() ? "" : "yes";
  const isRefused = localStorage.notify && (await window.Notification?.requestPermission()) !== "granted";
  if (isRefused) showToast("no-notices");
  showSwitch();
};

showSwitch();
