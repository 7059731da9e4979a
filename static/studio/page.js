/* What every page needs. Alone on pages without gallery and composer. */
import "./requests.js";
import "./playable.js";
import "./notices.js";
import "./keys.js";
import { listen } from "./dom.js";

document.documentElement.classList.add("scripted"); // some styles need scripts, and wait for this

/* Notifications: loaded with the menu that has their switch, since only a click that is young may ask for them. */
const notices = () => import("./notify.js");
listen("beforetoggle", ({ target }) => target.id === "me" && notices(), true);
listen("click", async ({ target }) => target.closest("#notify") && (await notices()).turnOnOrOff());
