/* Helpers that the other modules share. */

export const find = (selector, within = document) => within.querySelector(selector);
export const findAll = (selector, within = document) => [...within.querySelectorAll(selector)];

/* Listens on the document, because HTMX replaces the elements that the events come from. */
export const listen = (eventNames, handler, capture = false) => {
  for (const name of eventNames.split(" ")) document.addEventListener(name, handler, capture);
};

export const createElement = (tag, properties) => Object.assign(document.createElement(tag), properties);
export const smallScreen = matchMedia("(max-width: 640px), (max-height: 520px)"); // or a wide one at 200 % zoom
export const reducedMotion = matchMedia("(prefers-reduced-motion: reduce)");

/* 65 → "1:05" */
export const formatClock = (seconds) =>
  new Date(Math.max(0, seconds) * 1000)
    .toISOString()
    .slice(11, 19)
    .replace(/^(00:)?0?/, "");

/* A video keeps what it has loaded, often many megabytes, until it loads something else. */
export const unloadVideo = (video) => {
  video.pause();
  video.dataset.src = video.getAttribute("src") || video.dataset.src || "";
  video.removeAttribute("src");
  video.load();
};
