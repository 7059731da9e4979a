/* The viewer: a dialog over the gallery, with an address of its own. */
import { find, findAll, listen, reducedMotion, unloadVideo } from "./dom.js";
import { field } from "./form.js";

export const viewer = find("#viewer");
const pathOfThisPage = location.pathname;
let openedFrom; // the id of the card that gets the focus back
let isGoingBack = false;
let wanted; // the address whose content is loading or shown

/* Only elements inside a modal dialog can be seen and used. */
const moveMessagesTo = (place) => place.append(find("#toast"), find("#announce"), find("#keys"));

const emptyViewer = () => {
  findAll("video", viewer).forEach(unloadVideo);
  find("#viewer-body").replaceChildren();
};

/* Until the video's page arrives, the card's poster and prompt are shown. */
const showLoading = (card) => {
  const loading = find("#viewer-loading").content.firstElementChild.cloneNode(true);
  const ratioClasses = [...card.classList].filter((name) => name.startsWith("r-"));
  const poster = find(".poster", card);
  loading.classList.add(...ratioClasses);
  if (poster) find("img", loading).src = poster.currentSrc || poster.src; // the one that is here already
  else find("img", loading).remove();
  find(".whole-prompt", loading).textContent = find(".prompt", card).textContent;
  find("#viewer-body").replaceChildren(loading);
};

const showDialog = (card) => {
  openedFrom = card.id;
  moveMessagesTo(viewer);
  showLoading(card);
  viewer.showModal();
};

const loadContent = async (address) => {
  wanted = address;
  // A failure is shown in a toast, and ends here without content.
  await htmx.ajax("GET", address, { target: "#viewer-body" }).catch(() => {});
  if (address !== wanted) return;
  const content = find(".viewer:not(.is-loading)", viewer);
  if (!content) return viewer.close();
  content.focus();
  const video = !reducedMotion.matches && find("video", viewer);
  if (video) video.play().catch(() => {});
};

export const openViewer = (link) => {
  const address = new URL(link.href);
  const wasOpen = viewer.open;
  if (wasOpen) {
    findAll("video", viewer).forEach(unloadVideo);
    find(".viewer", viewer).classList.add("is-loading");
  } else {
    address.search = find("#live").getAttribute("hx-get").split("?")[1] || "";
    showDialog(link.closest(".card"));
  }
  history[wasOpen ? "replaceState" : "pushState"]({ viewer: true }, "", address);
  return loadContent(address.href);
};

viewer?.addEventListener("close", () => {
  wanted = null;
  emptyViewer();
  moveMessagesTo(document.body);
  isGoingBack = Boolean(history.state?.viewer);
  if (isGoingBack) history.back();
  const opener = openedFrom ? find(`#${openedFrom} .open`) : field("prompt");
  opener?.focus();
});

/* After a reload the viewer is a page, and the gallery's entry in the history belongs to it: it is loaded again. */
const followHistory = (event) => {
  const isViewer = Boolean(event.state?.viewer);
  const isAnotherPage = !viewer && location.pathname !== pathOfThisPage;
  if (!isAnotherPage && !isGoingBack && !viewer?.open && !(viewer && isViewer)) return;
  event.stopImmediatePropagation(); // otherwise HTMX would load the gallery, which is still in the page
  if (isAnotherPage || isViewer) location.reload();
  else if (!isGoingBack) viewer.close();
  isGoingBack = false;
};

addEventListener("popstate", followHistory, true);

listen("click", (event) => {
  const link = event.target.closest("#cards a.open:not([data-stack]), #viewer a[data-view]");
  if (event.target === viewer) viewer.close(); // a click outside the dialog
  if (!viewer || !link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  openViewer(link);
});

/* Ignores a reply about a video that is no longer shown. */
listen("htmx:beforeSwap", ({ detail }) => {
  const { elt, path } = detail.requestConfig;
  const isLate = elt === document.body ? path !== wanted : !elt.isConnected;
  if (detail.target?.id === "viewer-body" && isLate) detail.shouldSwap = false;
});

/* data-passes-on: the video is removed, show the next one. data-leaves: continue in the composer. */
listen("htmx:afterOnLoad", ({ detail: { elt } }) => {
  const passesOn = elt.matches("[data-passes-on]");
  const leaves = elt.matches("[data-leaves]");
  const neighbour = passesOn && find(".turn.older, .turn.newer", viewer);
  if (elt.dataset.closes) document.getElementById(elt.dataset.closes).hidePopover();
  if (neighbour) return openViewer(neighbour);
  if (leaves) openedFrom = null;
  if (passesOn || leaves) viewer.close();
});
