/* Panels, menus and the viewer. Loaded when one is first opened. */
import { find, listen, smallScreen } from "./dom.js";
import "./notify.js"; // the switch in the account menu: a browser may ask only soon after its click

/* A tap beside a panel that covers the page closes it, and does nothing else. The browser closes the panel before it
   sends the click, which then goes to what the panel's backdrop has darkened. */
let closes = false;

listen(
  "pointerdown",
  ({ target }) => {
    const panel = find(smallScreen.matches ? ":is(.float, .sheet):popover-open" : ".sheet:popover-open");
    closes = panel && !panel.contains(target) && !target.closest(".dock");
  },
  true,
);

/* mousedown would move the focus. A key makes a click without a place, which is no tap. */
listen(
  "mousedown click",
  (event) => {
    if (!closes || !event.detail) return;
    closes = event.type !== "click";
    event.preventDefault();
    event.stopPropagation();
  },
  true,
);

/* A swipe across the video in the viewer shows the one beside it. At its foot are the player's own controls. */
const CONTROLS = 72; // pixels
const FAR = 60;
let from;

listen("touchstart", ({ touches, target }) => {
  const foot = target.closest("#viewer .stage")?.getBoundingClientRect().bottom - CONTROLS;
  from = touches.length === 1 && touches[0].clientY < foot ? touches[0] : null;
});

listen("touchend", ({ changedTouches: [to] }) => {
  if (!from) return;
  const across = to.clientX - from.clientX;
  const isAcross = Math.abs(across) > Math.max(FAR, 2 * Math.abs(to.clientY - from.clientY));
  from = null;
  if (isAcross) find(`#viewer .turn.${across < 0 ? "older" : "newer"}`)?.click();
});
