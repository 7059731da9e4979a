/* A draft of the form for each person, kept in this browser. */
import { composer } from "./form.js";
import { loadFrame } from "./frames.js";

const draftName = () => `draft:${composer().dataset.user}`;

export const keepDraft = () => {
  if (!composer()) return;
  const fields = [...new FormData(composer())];
  const draft = fields.filter(([name, value]) => typeof value === "string" && !name.endsWith("token"));
  try {
    localStorage.setItem(draftName(), JSON.stringify(draft));
  } catch {
    // this browser keeps nothing
  }
};

const readDraft = () => {
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

const restoreField = (name, value) => {
  for (const input of composer().elements) {
    if (input.name !== name) continue;
    if (/radio|checkbox/.test(input.type)) input.checked ||= input.value === value;
    else input.value = value;
  }
};

export const restoreDraft = () => {
  for (const [name, value] of readDraft()) {
    const slot = slotOf(name);
    if (!slot) restoreField(name, value);
    else if (value) loadFrame(slot, `?${new URLSearchParams({ [name]: value })}`);
  }
};
