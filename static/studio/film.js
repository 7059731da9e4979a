/* A player with controls of its own: comments stand on its time line, may mark an area, and take its moment.
   HTMX replaces it from clip to clip, so its parts are looked up each time. */
import { createElement, find, findAll, formatClock, listen, reducedMotion } from "./dom.js";

const NEAR = 0.7; // seconds: a comment this near to the position is about what is shown
const FRAME = 1 / 24;
const film = () => find("#film");
const form = () => find("#comment-form");
const lengthOf = (video) => video.duration || Number(video.dataset.seconds) || 0;

const place = (element, left, top, width, height) => {
  Object.assign(element.style, { left: `${100 * left}%`, top: `${100 * top}%` });
  if (width) Object.assign(element.style, { width: `${100 * width}%`, height: `${100 * height}%` });
  return element;
};

const showAreas = (comments) => {
  const layer = find("#areas");
  findAll(".area:not(.is-new)", layer).forEach((area) => area.remove());
  for (const { dataset } of comments) {
    if (!dataset.area) continue;
    const area = createElement("div", { className: "area" });
    area.append(createElement("span", { textContent: dataset.by }));
    layer.append(place(area, ...dataset.area.split(",")));
  }
};

/* The comment at the current time is highlighted, and its area shown. */
const showComments = (time) => {
  const comments = findAll("#comments [data-at]");
  const current = comments.filter((comment) => Math.abs(comment.dataset.at - time) < NEAR);
  for (const comment of comments) comment.classList.toggle("is-current", current.includes(comment));
  showAreas(current.filter((comment) => !comment.matches(".is-resolved")));
};

/* Until something is written, the new comment is about the current moment. */
const showMoment = () => {
  const button = find("[data-film=moment]");
  if (!button || form().elements.text.value) return;
  const time = film().currentTime;
  form().elements.at.value = button.ariaPressed === "true" ? time.toFixed(2) : "";
  find("span", button).textContent = formatClock(time);
};

const show = () => {
  const video = film();
  const length = lengthOf(video);
  const position = find("[data-film=seek]");
  const words = `${formatClock(video.currentTime)} / ${formatClock(length)}`;
  position.value = video.currentTime;
  position.setAttribute("aria-valuetext", words);
  position.style.setProperty("--done", `${(100 * video.currentTime) / (length || 1)}%`);
  find("[data-film-time]").textContent = words;
  find("#film-bar").classList.toggle("is-playing", !video.paused);
  showComments(video.currentTime);
  showMoment();
};

export const jumpTo = (seconds) => {
  film().pause();
  film().currentTime = seconds;
};

export const playOrPause = () => (film().paused ? film().play().catch(() => {}) : film().pause());
export const stepFrame = (direction) => jumpTo(Math.max(0, film().currentTime + direction * FRAME));

const markerOf = (comment, length) => {
  const { at, by, initials } = comment.dataset;
  const marker = createElement("button", { type: "button", className: "marker", textContent: initials, title: by });
  marker.tabIndex = -1; // the time codes beside it do the same
  marker.ariaHidden = true;
  marker.dataset.jump = at;
  for (const kind of ["is-resolved", "is-client"]) marker.classList.toggle(kind, comment.matches(`.${kind}`));
  return place(marker, Math.min(1, at / (length || 1)), 0);
};

const showMarkers = () => {
  const markers = find("#markers");
  const length = lengthOf(film());
  markers.replaceChildren(...findAll("#comments [data-at]").map((comment) => markerOf(comment, length)));
};

export const setUpFilm = () => {
  if (!film()) return;
  film().controls = false;
  film().loop = localStorage.loop === "yes";
  film().muted = localStorage.muted === "yes";
  showSwitches();
  showMarkers();
  show();
};

const showSwitches = () => {
  find("[data-film=loop]").ariaPressed = film().loop;
  find("[data-film=sound]").ariaPressed = !film().muted;
};

const remember = (name) => {
  film()[name] = !film()[name];
  localStorage[name] = film()[name] ? "yes" : "";
  showSwitches();
};

/* Marking an area: drag a rectangle over the picture. */
let start;

const pointIn = ({ clientX, clientY }) => {
  const box = find("#areas").getBoundingClientRect();
  const within = (value, from, length) => Math.max(0, Math.min(1, (value - from) / length));
  return [within(clientX, box.left, box.width), within(clientY, box.top, box.height)];
};

const clearArea = () => {
  find("#areas .is-new")?.remove();
  form().elements.area.value = "";
};

const setMarking = (isOn) => {
  find("#areas").classList.toggle("is-marking", isOn);
  find("[data-film=area]").ariaPressed = isOn;
};

const switchMarking = () => {
  const isOn = find("[data-film=area]").ariaPressed === "true";
  clearArea();
  setMarking(!isOn);
  if (!isOn) film().pause();
};

const dragTo = (event) => {
  const [x, y] = pointIn(event);
  const [left, top] = [Math.min(x, start[0]), Math.min(y, start[1])];
  const [width, height] = [Math.abs(x - start[0]), Math.abs(y - start[1])];
  if (width < 0.01 || height < 0.01) return;
  const area = find("#areas .is-new") || createElement("div", { className: "area is-new" });
  find("#areas").append(place(area, left, top, width, height));
  form().elements.area.value = [left, top, width, height].map((part) => part.toFixed(4)).join();
};

listen("pointerdown", (event) => {
  if (!event.target.closest("#areas.is-marking")) return;
  event.preventDefault();
  clearArea();
  start = pointIn(event);
});
listen("pointermove", (event) => start && dragTo(event));
listen("pointerup pointercancel", () => {
  if (!start) return;
  start = null;
  find("#areas").classList.remove("is-marking");
  if (!form().elements.area.value) setMarking(false);
  form().elements.text.focus();
});

const switches = {
  play: playOrPause,
  loop: () => remember("loop"),
  sound: () => remember("muted"),
  full: () => (document.fullscreenElement ? document.exitFullscreen() : find("#screen").requestFullscreen?.()),
  area: switchMarking,
  moment: (button) => {
    button.ariaPressed = button.ariaPressed !== "true";
    form().elements.at.value = button.ariaPressed === "true" ? film().currentTime.toFixed(2) : "";
  },
};

listen("click", ({ target }) => {
  const jump = target.closest("[data-jump]");
  const button = target.closest("button[data-film]");
  if (jump) jumpTo(Number(jump.dataset.jump));
  else if (button) switches[button.dataset.film](button);
  else if (target.id === "film" || target.closest("#areas:not(.is-marking)")) playOrPause();
});

listen("input", ({ target }) => {
  if (target.matches("[data-film=seek]")) jumpTo(Number(target.value));
  if (target.form?.id === "comment-form" && target.name === "text") film()?.pause();
});

/* The events of a video do not bubble. */
listen("timeupdate seeked play pause ended", ({ target }) => target.id === "film" && show(), true);
listen("loadedmetadata", ({ target }) => target.id === "film" && setUpFilm(), true);

listen("htmx:afterSettle", ({ target }) => {
  if (target.id === "comments") return film() && (showMarkers(), show());
  if (target.id !== "review") return;
  setUpFilm();
  if (film() && !reducedMotion.matches) film().play().catch(() => {});
});

setUpFilm();
