/* Marks videos that this browser cannot play. The stylesheet shows the note of each codec that is refused here
   (playable.css), so that cards that arrive later need no script. The strings are those of videos/codecs.py. */
const asked = {
  hvc1: "hvc1.1.6.L93.B0",
  hev1: "hev1.1.6.L93.B0",
  av1: "av01.0.05M.08",
  vp9: "vp09.00.10.08",
  mpeg4: "mp4v.20.9",
  prores: "apcn",
};
const player = document.createElement("video");
const isRefused = (codec) => !player.canPlayType(`video/mp4; codecs="${codec}"`);
document.documentElement.dataset.cannotPlay = Object.keys(asked)
  .filter((family) => isRefused(asked[family]))
  .join(" ");

/* A codec that the browser claims to support may still fail, and an unknown one can only be tried. */
const tellFailure = (video) => video.parentElement?.classList.add("has-failed");
const cannotDecode = (video) => video.error?.code >= MediaError.MEDIA_ERR_DECODE;
const isPlayer = (target) => target instanceof HTMLVideoElement && target.classList.contains("player");

addEventListener("error", ({ target }) => isPlayer(target) && cannotDecode(target) && tellFailure(target), true);
/* If only the picture is refused, the sound plays under a black rectangle. */
addEventListener("loadedmetadata", ({ target }) => isPlayer(target) && !target.videoWidth && tellFailure(target), true);
for (const video of document.querySelectorAll("video.player")) if (cannotDecode(video)) tellFailure(video);
