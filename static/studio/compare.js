/* Compare: the longest video leads. The others adjust their speed, and jump only when they are far off. */
import { find, findAll, listen } from "./dom.js";

const FAR_OFF = 0.3; // seconds
const leader = find("[data-leads]");
const videos = findAll(".beside video");

const followLeader = (video) => {
  const time = leader.currentTime;
  const behind = time - video.currentTime;
  const isOver = time >= video.duration;
  if (Math.abs(behind) > FAR_OFF && !(isOver && video.ended)) video.currentTime = Math.min(time, video.duration);
  if (leader.paused || isOver) return video.pause();
  video.playbackRate = leader.playbackRate * (1 + Math.max(-0.15, Math.min(0.15, behind)));
  video.play().catch(() => {});
};

const showPosition = () => {
  find("#deck input").value = leader.currentTime;
  find("[data-time]").textContent = `${leader.currentTime.toFixed(1)} / ${leader.duration.toFixed(1)} s`;
  find("[data-deck=play]").ariaPressed = !leader.paused;
};

const synchronise = () => {
  showPosition();
  for (const video of videos) if (video !== leader) followLeader(video);
  if (!leader.paused) requestAnimationFrame(synchronise);
};

const switchSound = (button, isOn) => {
  for (const video of videos) video.muted = !isOn || !video.closest("figure").contains(button);
  for (const other of findAll("[data-deck=sound]")) other.ariaPressed = false;
};

/* One video over the other: the line between them follows the pointer and the slider. */
const beside = find("#beside");
const moveLine = (percent) => beside.style.setProperty("--wipe", `${percent}%`);

const switchWipe = (button, isOn) => {
  beside.classList.toggle("is-wiped", isOn);
  find("#wipe").hidden = !isOn;
  if (isOn) find("#wipe").focus({ preventScroll: true }); // the arrow keys move the line, and the videos stay in view
};

listen("pointermove", ({ clientX, clientY }) => {
  if (!beside.matches(".is-wiped")) return;
  const { left, right, top, bottom, width } = find(".pane", beside).getBoundingClientRect();
  if (clientX < left || clientX > right || clientY < top || clientY > bottom) return;
  find("#wipe").value = (100 * (clientX - left)) / width;
  moveLine(find("#wipe").value);
});

listen("input", ({ target }) => target.id === "wipe" && moveLine(target.value));

const switches = {
  wipe: switchWipe,
  sound: switchSound,
  slow: (button, isOn) => (leader.playbackRate = isOn ? 0.5 : 1),
  loop: (button, isOn) => (leader.loop = isOn),
};

listen("click", ({ target }) => {
  const button = target.closest("[data-deck]");
  if (!button) return;
  const isOn = button.ariaPressed !== "true";
  if (button.dataset.deck === "play") return isOn ? leader.play() : leader.pause();
  switches[button.dataset.deck](button, isOn);
  button.ariaPressed = isOn;
});

/* The first answer that a video is gone takes its buttons away, so that there is no second one. */
listen("htmx:responseError", ({ detail: { elt, xhr } }) => {
  if (xhr.status === 404) elt.closest(".verdict-row")?.replaceChildren(find("#gone").content.cloneNode(true));
});

if (leader) {
  leader.onloadedmetadata = leader.onplay = leader.onpause = leader.onseeked = synchronise;
  for (const video of videos) video.controls = false;
  find("#deck input").oninput = ({ target }) => {
    leader.currentTime = target.value;
  };
  if (leader.duration) synchronise();
}
