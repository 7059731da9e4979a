/* What every page needs. Alone on pages without gallery and composer. */
import "./requests.js";
import "./playable.js";
import "./notices.js";
import "./keys.js";

document.documentElement.classList.add("scripted"); // some styles need scripts, and wait for this
