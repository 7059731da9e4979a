/* The scripts that every page needs; pages without gallery and composer load only these. */
import "./requests.js";
import "./playable.js";
import "./toasts.js";
import "./keys.js";
import { listen } from "./dom.js";

document.documentElement.classList.add("scripted"); // some styles need scripts, and wait for this

listen("beforetoggle", () => import("./panels.js"), true); // with the first panel or menu that opens
listen("click", async ({ target }) => target.closest("#notify") && (await import("./notify.js")).turnOnOrOff());
