/* What was dropped or pasted on the composer. A picture becomes a frame; a video that was downloaded here, or a poster,
   fills the composer again. Loaded on first use. */
import { find } from "./dom.js";
import { hasFrame, triggerChange } from "./form.js";
import { showToast } from "./toasts.js";

const MARK = '{"heygen_studio":'; // how our JSON begins, see videos/storage/described_copy.py
const LARGEST = 64 * 1024 ** 2; // bytes of the box that is searched
const UUID = /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/;

const uploadFrame = (file, slot) => {
  const freeSlot = hasFrame("start") && !hasFrame("end") ? "end" : "start";
  const input = find(`#slot-${slot?.dataset.slot || freeSlot} input[type=file]`);
  const transfer = new DataTransfer();
  transfer.items.add(file);
  input.files = transfer.files;
  triggerChange(input);
};

/* The last frame of the video of a card. */
const takeLastFrame = (video, slot) => {
  const which = slot.dataset.slot;
  const values = { [`${which}_from`]: video };
  return htmx.ajax("POST", `/frame/${which}`, { source: "#action", values, target: slot, swap: "outerHTML" });
};

/* Replaces the composer; what was written comes back by Undo. */
const fill = (facts) =>
  htmx.ajax("POST", "/compose/fill", { source: "#action", values: { facts }, target: "#composer", swap: "outerHTML" });

const readBytes = async (file, from, to) => new DataView(await file.slice(from, to).arrayBuffer());

/* The file's boxes in order, without their contents. */
async function* boxesOf(file) {
  for (let at = 0; at + 16 <= file.size; ) {
    const head = await readBytes(file, at, at + 16);
    const short = head.getUint32(0);
    const size = short === 1 ? Number(head.getBigUint64(8)) : short || file.size - at;
    if (size < 8) return;
    yield { kind: head.getUint32(4), at, size };
    at += size;
  }
}

const MOVIE = 0x6d6f6f76; // moov
const OWN = 0x75756964; // uuid

/* The JSON ends with the box that holds it, whose length stands 16 bytes before it. */
const factsIn = (view) => {
  const bytes = new Uint8Array(view.buffer);
  const start = new TextDecoder("latin1").decode(bytes).indexOf(MARK);
  if (start < 0) return "";
  const isItem = new TextDecoder("latin1").decode(bytes.slice(start - 12, start - 8)) === "data";
  const end = isItem ? start + view.getUint32(start - 16) - 16 : bytes.length;
  return new TextDecoder().decode(bytes.slice(start, end));
};

const factsOf = async (file) => {
  for await (const { kind, at, size } of boxesOf(file)) {
    if ((kind !== MOVIE && kind !== OWN) || size > LARGEST) continue;
    const facts = factsIn(await readBytes(file, at, at + size));
    if (facts) return facts;
  }
  return "";
};

const isVideo = (file) => file.type.startsWith("video/") || /\.(mp4|m4v|mov)$/i.test(file.name);

/* `address`: of a poster or a card that is dragged from a page of this studio, a card without a file. */
export const take = async (file, address, place) => {
  const slot = place.closest("[data-slot]");
  const name = address || file.name;
  const [video] = (/poster|[/]g[/]/.test(name) && name.match(UUID)) || [];
  if (video && !slot) return fill(JSON.stringify({ id: video }));
  if (!file) return takeLastFrame(video, slot);
  if (!isVideo(file)) return uploadFrame(file, slot);
  const facts = await factsOf(file);
  return facts ? fill(facts) : showToast("no-facts");
};
