/* The composer: what is typed, kept, filled in and sent. */
import { createElement, find, isNarrow, listen } from "./dom.js";
import { keepDraft, restoreDraft } from "./draft.js";
import {
  askForAdvice,
  clearErrors,
  composer,
  field,
  showSettings,
  takeSetting,
  triggerChange,
  unfold,
} from "./form.js";
import { hasFrame, loadFrame } from "./frames.js";
import { SHOWN_PROVIDERS } from "./picker.js";
import { hideToast, showToast } from "./toast.js";

let sentPrompt;

const refresh = () => {
  if (!composer()) return;
  showSettings();
  keepDraft();
};

/* The page leaves room for the composer, whose height follows its words. */
const heightObserver = new ResizeObserver(() => {
  if (composer()) document.documentElement.style.setProperty("--dock", `${composer().offsetHeight}px`);
});

const start = () => {
  if (!composer()) return;
  const isFilledByServer = "filled" in composer().dataset;
  if (!isFilledByServer) restoreDraft();
  else if (isNarrow()) unfold();
  refresh();
  askForAdvice();
  heightObserver.observe(composer());
};

const fillPrompt = (words) => {
  field("prompt").value = words;
  refresh();
  field("prompt").focus();
};

/* Reuse and its kind replace the whole form: the words that were in it are offered again. */
const offerReplacedWords = () => {
  const words = field("prompt")?.value;
  if (!words?.trim()) return;
  setTimeout(() => {
    if (field("prompt").value === words) return;
    find("button", showToast("filled")).dataset.fill = words;
  }, 80);
};

listen("htmx:beforeSwap", ({ detail: { shouldSwap, target } }) => {
  if (shouldSwap && target?.id === "composer") offerReplacedWords();
});

listen("htmx:load", ({ detail: { elt } }) => {
  if (elt.id === "composer") {
    start();
    unfold();
    field("prompt").focus();
  } else if (elt.dataset?.slot) {
    refresh();
    askForAdvice();
  }
});

listen("input", ({ target }) => {
  if (target.id === "provider-search" || !composer()?.contains(target)) return;
  if (target.dataset.key) takeSetting(target);
  if (target.name === "ratio_choice") field("aspect_ratio").value = target.value;
  clearErrors(`[data-field="${target.name}"]`);
  refresh();
});

listen("focusin", ({ target }) => {
  if (target.name === "prompt") unfold();
});

listen("click", (event) => {
  const { target } = event;
  const filler = target.closest("[data-fill]");
  if (filler) {
    filler.closest("[popover]")?.hidePopover();
    hideToast();
    unfold();
    fillPrompt(filler.dataset.fill);
  }
  // A folded composer shows no price, so the first press unfolds it and sends nothing.
  if (isNarrow() && target.closest(".send") && !composer().matches(".is-open")) {
    event.preventDefault();
    unfold();
  }
  if (target.closest(".fold")) unfold(false);
  if (target.closest(".card-menu a, .card-menu button")) target.closest("[popover]").hidePopover();
});

/* Enter in a field takes its value and never sends: it must not spend money. */
const takeValue = (input) => {
  if (input.id === "provider-search") find(SHOWN_PROVIDERS)?.click();
  else if (input.type === "radio") input.click();
  else triggerChange(input);
  input.closest("[popover]")?.hidePopover();
};

listen("keydown", (event) => {
  const { target, key } = event;
  if (!composer()?.contains(target)) return;
  if (key === "Enter" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    composer().requestSubmit(find(".send"));
  } else if (key === "Enter" && target.matches("input")) {
    event.preventDefault();
    takeValue(target);
  } else if (key === "ArrowDown" && target.id === "provider-search") {
    event.preventDefault();
    (find(`${SHOWN_PROVIDERS}:checked`) || find(SHOWN_PROVIDERS))?.focus();
  } else if (key === "ArrowUp" && target.name === "prompt" && !target.value) {
    find("#recent [data-fill]")?.click();
  }
});

listen("htmx:beforeRequest", ({ detail }) => {
  if (detail.elt === composer()) sentPrompt = field("prompt").value;
});

/* The server answers Generate with this event. Words that were typed meanwhile stay. */
listen("pressed", () => {
  clearErrors(".error");
  if (field("prompt").value === sentPrompt) {
    field("prompt").value = "";
    for (const which of ["start", "end"]) if (hasFrame(which)) loadFrame(which);
  }
  const recent = createElement("button", { type: "button", dir: "auto", textContent: sentPrompt });
  recent.dataset.fill = sentPrompt;
  find("#recent > div").prepend(recent);
  if (isNarrow()) {
    unfold(false);
    document.activeElement.blur();
  }
  scrollTo(0, 0);
  refresh();
  askForAdvice();
});

addEventListener("pagehide", keepDraft);
listen("DOMContentLoaded", start); // only then does HTMX listen
