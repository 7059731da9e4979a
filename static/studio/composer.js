/* The composer: typing, drafts, filling in, and sending. */
import { createElement, find, listen, smallScreen } from "./dom.js";
import {
  askForAdvice,
  clearErrors,
  composer,
  currentDraft,
  field,
  hasFrame,
  keepDraft,
  loadFrame,
  promptOf,
  readDraft,
  restoreDraft,
  showSettings,
  takeSetting,
  triggerChange,
  unfold,
} from "./form.js";
import { SHOWN_MODELS, showOrder, startOrder } from "./order.js";
import { hideToast, showToast } from "./toasts.js";

let sentPrompt;
let replacedDraft;

const refresh = () => {
  if (!composer()) return;
  showSettings();
  showOrder();
  keepDraft();
};

/* The page leaves space for the composer, whose height depends on its prompt. */
const heightObserver = new ResizeObserver(() => {
  if (composer()) document.documentElement.style.setProperty("--dock", `${composer().offsetHeight}px`);
});

/* Offers an earlier prompt again once it is no longer in the form. */
const offerUndo = (draft) => {
  const words = promptOf(draft);
  if (!words.trim() || words === field("prompt").value) return;
  replacedDraft = draft;
  showToast("filled");
};

const undo = () => {
  restoreDraft(replacedDraft);
  hideToast();
  refresh();
  field("prompt").focus();
};

const start = () => {
  if (!composer()) return;
  const isFilledByServer = "filled" in composer().dataset;
  const isTouched = field("prompt").value !== field("prompt").defaultValue; // the person typed before this script ran
  startOrder();
  if (isFilledByServer) offerUndo(replacedDraft || readDraft());
  else if (!isTouched) restoreDraft(readDraft());
  if (isFilledByServer && smallScreen.matches) unfold();
  refresh();
  askForAdvice();
  heightObserver.observe(composer());
};

const fillPrompt = (words) => {
  const draft = currentDraft();
  field("prompt").value = words;
  offerUndo(draft);
  refresh();
  field("prompt").focus();
};

/* Reuse, Continue and the like replace the whole composer. */
listen("htmx:beforeSwap", ({ detail: { shouldSwap, target } }) => {
  if (shouldSwap && target?.id === "composer") replacedDraft = currentDraft();
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
  clearErrors(`[data-field~="${target.name}"]`);
  refresh();
});

listen("focusin", ({ target }) => {
  if (target.name === "prompt") unfold();
});

listen("click", (event) => {
  const { target } = event;
  const filler = target.closest("[data-fill]");
  const { ratio } = target.dataset;
  if (ratio) {
    field("aspect_ratio").value = ratio;
    refresh();
  }
  if (target.closest("[data-undo-fill]")) undo();
  if (filler) {
    filler.closest("[popover]")?.hidePopover();
    unfold();
    fillPrompt(filler.textContent);
  }
  // A folded composer shows no price, so the first click unfolds it and sends nothing.
  if (smallScreen.matches && target.closest(".send") && !composer().matches(".is-open")) {
    event.preventDefault();
    unfold();
  }
  if (target.closest(".fold")) unfold(false);
  if (target.closest(".card-menu a, .card-menu button")) target.closest("[popover]").hidePopover();
});

/* Enter in a field accepts its value and never sends the form: it must not spend money. */
const takeValue = (input) => {
  const isModel = input.name === "provider";
  if (input.id === "provider-search") find(SHOWN_MODELS)?.click();
  else if (isModel || input.type === "radio") input.click();
  else triggerChange(input);
  if (!isModel && input.id !== "provider-search") input.closest("[popover]")?.hidePopover();
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
  } else if (key === "ArrowUp" && target.name === "prompt" && !target.value) {
    find("#recent [data-fill]")?.click();
  }
});

listen("htmx:beforeRequest", ({ detail }) => {
  if (detail.elt === composer()) sentPrompt = field("prompt").value;
});

/* The server's reply to Generate triggers this event. A prompt typed meanwhile stays. */
listen("batch-made", () => {
  clearErrors(".error");
  if (field("prompt").value === sentPrompt) {
    field("prompt").value = "";
    for (const which of ["start", "end"]) if (hasFrame(which)) loadFrame(which);
  }
  const recent = createElement("button", { type: "button", dir: "auto", textContent: sentPrompt });
  recent.dataset.fill = "";
  find("#recent > div").prepend(recent);
  if (smallScreen.matches) {
    unfold(false);
    document.activeElement.blur();
  }
  scrollTo(0, 0);
  refresh();
  askForAdvice();
});

addEventListener("pagehide", keepDraft);
listen("DOMContentLoaded", start); // only then does HTMX listen
