/* The scripts that every page needs; pages without gallery and composer load only these. */
import "./requests.js";
import "./playable.js";
import "./toasts.js";
import "./keys.js";
import { listen } from "./dom.js";

document.documentElement.classList.add("scripted"); // some styles need scripts, and wait for this

/* Notifications: loaded with the menu that has their switch, because browsers may ask only after a click. */
const notices = () => import("./notify.js");
listen("beforetoggle", ({ target }) => target.id === "me" && notices(), true);
listen("click", async ({ target }) => target.closest("#notify") && (await notices()).turnOnOrOff());
