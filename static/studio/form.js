/* The composer's form: its fields, settings and frames, and the draft of them that this browser keeps.
   HTMX replaces the whole form, so it is looked up each time. */
import { find, findAll, listen } from "./dom.js";

export const composer = () => find("#composer");
export const field = (name) => composer()?.elements[name];
export const unfold = (isOpen = true) => composer()?.classList.toggle("is-open", isOpen);
export const triggerChange = (input) => input.dispatchEvent(new Event("change", { bubbles: true }));

export const clearErrors = (selector) => {
  for (const error of findAll(selector, composer())) error.textContent = "";
};

/* Asks the server for labels, price, advice and errors of the form as it stands. */
export const askForAdvice = () => htmx.trigger("#adviser", "ask");

/* The fields of the settings and their JSON text show the same values. */
// null while the text is not one JSON object
const readSettings = () => {
  try {
    const value = JSON.parse(field("config").value.trim() || "{}");
    return value.constructor === Object ? value : null;
  } catch {
    return null;
  }
};

export const showSettings = () => {
  const settings = readSettings();
  if (!settings) return;
  for (const input of findAll("[data-key]", composer())) {
    if (input !== document.activeElement) input.value = settings[input.dataset.key] ?? "";
  }
  const count = Object.keys(settings).length;
  find("#settings-count").textContent = count ? `${count} set` : "";
};

export const takeSetting = (input) => {
  const settings = readSettings();
  if (!settings) return;
  const { key, type } = input.dataset;
  if (input.value === "") delete settings[key];
  else settings[key] = type === "string" ? input.value : JSON.parse(input.value);
  field("config").value = Object.keys(settings).length ? JSON.stringify(settings, null, 2) : "";
};

/* Start and end frame: the two slots, and pictures that are dropped or pasted. */
export const hasFrame = (which) => find(`#slot-${which}`).classList.contains("is-filled");

/* Loads a slot: an empty query empties it. */
export const loadFrame = (which, query = "") =>
  htmx.ajax("GET", `/frame/${which}${query}`, { target: `#slot-${which}`, swap: "outerHTML" });

listen("dragover", (event) => {
  if (!composer() || !/Files|uri/.test(event.dataTransfer.types)) return;
  event.preventDefault();
  composer().classList.toggle("is-over", composer().contains(event.target));
});

listen("dragleave drop", () => composer()?.classList.remove("is-over"));

/* A draft for each person who signs in here. */
const draftName = () => `draft:${composer().dataset.user}`;

/* Pairs of name and value, as the form would send them; without files and tokens. */
export const currentDraft = () =>
  [...new FormData(composer())].filter(([name, value]) => typeof value === "string" && !name.endsWith("token"));

export const promptOf = (draft) => draft.find(([name]) => name === "prompt")?.[1] || "";

export const keepDraft = () => {
  if (!composer()) return;
  try {
    localStorage.setItem(draftName(), JSON.stringify(currentDraft()));
  } catch {
    // this browser stores nothing
  }
};

export const readDraft = () => {
  try {
    return [...JSON.parse(localStorage.getItem(draftName()))];
  } catch {
    return [];
  }
};

const slotOf = (name) => {
  if (/^(start_p|ref)/.test(name)) return "start";
  return /^(end_p|tail)/.test(name) && "end";
};

const restoreFields = (values) => {
  for (const input of composer().elements) {
    const chosen = values.get(input.name);
    if (!chosen || slotOf(input.name)) continue;
    if (/radio|checkbox/.test(input.type)) input.checked = chosen.includes(input.value) && !input.closest(".is-out");
    else if (input.type !== "hidden" && input.type !== "file") input.value = chosen[0];
  }
};

const restoreFrames = (draft) => {
  for (const slot of ["start", "end"]) {
    if ("added" in find(`#slot-${slot}`).dataset) continue; // the page was opened to add it
    const filled = draft.find(([name, value]) => slotOf(name) === slot && value);
    if (filled) loadFrame(slot, `?${new URLSearchParams([filled])}`);
    else if (hasFrame(slot)) loadFrame(slot);
  }
};

export const restoreDraft = (draft) => {
  const values = new Map();
  for (const [name, value] of draft) {
    const field = name === "also" ? "provider" : name; // its name in drafts of version 0.1
    values.set(field, [...(values.get(field) || []), value]);
  }
  restoreFields(values);
  restoreFrames(draft);
};
