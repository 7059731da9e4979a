/* The studio beyond links and forms, a module for each subject. Without scripts the pages still work.
   What only one page needs is loaded by that page, and what only some people open is loaded when it is opened. */
import "./cards.js";
import "./live.js";
import "./composer.js";
import "./viewer.js";
import "./playable.js";
import "./selection.js";
import "./notices.js";
import "./keys.js"; // last: it acts on keys that no other module has taken

document.documentElement.classList.add("scripted"); // some styles need scripts, and wait for this
