/* Adds words to the prompt, where the caret stands, and takes them out again. Loaded when one is first tapped. */
import { findAll, listen } from "./dom.js";
import { field } from "./form.js";

const whole = (word) => new RegExp(`(^|, )${word}(?=$|,)`);

/* A word that stands in the prompt is marked, whoever wrote it there. */
const showChosen = () => {
  for (const button of findAll("#prompt-words [data-word]")) {
    button.ariaPressed = whole(button.dataset.word).test(field("prompt").value);
  }
};

const joined = (before, word, after) => {
  const start = before.trimEnd();
  const comma = start && !/[,.;:!?…]$/.test(start) ? ", " : start ? " " : "";
  const rest = after.trimStart();
  return [start + comma + word, rest && !/^[,.;:!?]/.test(rest) ? ", " : "", rest];
};

export const act = (button) => {
  const prompt = field("prompt");
  const { value, selectionEnd } = prompt;
  const { word } = button.dataset;
  const isThere = whole(word).test(value);
  const at = document.activeElement === prompt || selectionEnd ? selectionEnd : value.length;
  const [start, comma, rest] = joined(value.slice(0, at), word, value.slice(at));
  const without = value.replace(whole(word), "").replace(/^, /, "");
  prompt.value = isThere ? without : start + comma + rest;
  if (!isThere) prompt.selectionStart = prompt.selectionEnd = start.length;
  showChosen();
  prompt.dispatchEvent(new Event("input", { bubbles: true }));
};

listen("toggle", ({ target }) => target.id === "prompt-words" && showChosen(), true);
