/* The viewer: a dialog over the gallery, with an address of its own. */
import { find, listen, reducedMotion } from "./dom.js";
import { field } from "./form.js";

export const viewer = find("#viewer");
let openedFrom; // the id of the card that gets the focus back
let isGoingBack = false;

/* Only what is inside a modal dialog can be seen and used. */
const moveMessagesTo = (place) => place.append(find("#toast"), find("#announce"), find("#keys"));

export const openViewer = async (link) => {
  const address = new URL(link.href);
  const wasOpen = viewer.open;
  if (!wasOpen) {
    openedFrom = link.closest(".card").id;
    address.search = find("#live").getAttribute("hx-get").split("?")[1] || "";
    moveMessagesTo(viewer);
    viewer.showModal();
  }
  history[wasOpen ? "replaceState" : "pushState"]({ viewer: true }, "", address);
  await htmx.ajax("GET", address.href, { target: "#viewer-body" });
  const content = find(".viewer", viewer);
  if (!content) return viewer.close();
  content.focus();
  if (!reducedMotion.matches)
    find("video", viewer)
      ?.play()
      .catch(() => {});
};

viewer?.addEventListener("close", () => {
  find("#viewer-body").replaceChildren();
  moveMessagesTo(document.body);
  isGoingBack = Boolean(history.state?.viewer);
  if (isGoingBack) history.back();
  const opener = openedFrom ? find(`#${openedFrom} .open`) : field("prompt");
  opener?.focus();
});

const followHistory = (event) => {
  const isViewer = Boolean(event.state?.viewer);
  if (!viewer || !(isGoingBack || viewer.open || isViewer)) return;
  event.stopImmediatePropagation(); // or HTMX would load the gallery, which is still there
  if (isViewer) location.reload();
  else if (!isGoingBack) viewer.close();
  isGoingBack = false;
};

addEventListener("popstate", followHistory, true);

listen("click", (event) => {
  const link = event.target.closest("#cards a.open, #viewer a[data-view]");
  if (event.target === viewer) viewer.close(); // a click beside the dialog
  if (!viewer || !link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  openViewer(link);
});

/* data-passes-on: the video is gone, its neighbour follows. data-leaves: the work goes on in the composer. */
listen("htmx:afterOnLoad", ({ detail: { elt } }) => {
  const passesOn = elt.matches("[data-passes-on]");
  const leaves = elt.matches("[data-leaves]");
  const neighbour = passesOn && find(".turn.older, .turn.newer", viewer);
  if (neighbour) return openViewer(neighbour);
  if (leaves) openedFrom = null;
  if (passesOn || leaves) viewer.close();
});
