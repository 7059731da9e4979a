/* The list of models: searching it, and replacing a model that has ended. */
import { find, findAll, listen } from "./dom.js";
import { triggerChange } from "./form.js";
import { chosenModels, models, SHOWN_MODELS } from "./order.js";

const list = () => find(".models");

const filterModels = (text) => {
  const words = text.toLowerCase().split(/\s+/);
  for (const offer of findAll(".offer")) {
    const text = offer.textContent.toLowerCase();
    offer.hidden = !words.every((word) => text.includes(word));
  }
  list().classList.toggle("is-filtered", Boolean(text));
  const retired = find(".retired", list());
  if (retired) retired.hidden = !find(".offer:not([hidden])", retired);
};

/* When as many as allowed are chosen, the others are disabled. */
const limitModels = () => {
  const max = Number(list().dataset.max);
  const chosen = chosenModels().length;
  const isFull = chosen >= max;
  for (const box of models()) box.disabled = Boolean(box.closest(".is-out")) || (isFull && !box.checked);
  find("#models-selected").textContent = isFull ? `${chosen} of ${max} selected` : `${chosen} selected`;
};

listen("input", ({ target }) => {
  if (target.id === "provider-search") filterModels(target.value);
  if (target.name === "provider") limitModels();
});

/* toggle does not bubble, so it is captured. */
listen(
  "toggle",
  ({ target }) => {
    if (target.id !== "providers") return;
    find("#provider-search").value = "";
    filterModels("");
    limitModels();
  },
  true,
);

listen("keydown", (event) => {
  if (event.target.id !== "provider-search" || event.key !== "ArrowDown") return;
  event.preventDefault();
  find(SHOWN_MODELS)?.focus();
});

/* Only the model that a button names is chosen. */
export const act = (button) => {
  for (const box of models()) box.checked = box.value === button.dataset.switch;
  const box = models().find((box) => box.checked);
  box.dispatchEvent(new Event("input", { bubbles: true }));
  triggerChange(box);
  button.closest(".ended").remove();
};
