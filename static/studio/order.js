/* What Generate would send: the list of models, and the labels, which are drawn from the form's own values. Generate
   waits until their price is shown. */
import { find, findAll, listen } from "./dom.js";
import { askForAdvice, composer, field } from "./form.js";

const ASK_AFTER = 300; // ms without another change
let pricedOrder; // the order whose labels and price the server has sent
let askedOrder;
let timer;

export const models = () => findAll("[name=provider]", composer());
export const chosenModels = () => models().filter((model) => model.checked);

const orderOf = (ticked, ratio, count, settings) =>
  JSON.stringify([ticked.map((model) => model.value), ratio, count, settings]);

const currentOrder = () =>
  orderOf(chosenModels(), field("aspect_ratio").value, field("count").value, field("config").value);

/* The order in the page as sent, before a draft or the browser filled the fields. */
const orderOfThePage = () => {
  const ticked = models().filter((model) => model.defaultChecked);
  const count = find("option[selected]", field("count")) || field("count").options[0];
  return orderOf(ticked, field("aspect_ratio").defaultValue, count.value, field("config").defaultValue);
};

const isPriced = () => chosenModels().length > 0 && currentOrder() === pricedOrder;

const showWaitingLabels = () => {
  const names = chosenModels().map((model) => find(".name", model.parentElement).textContent);
  const videos = names.length * field("count").value;
  find("#show-provider").textContent = names.join(", ") || "Choose a model";
  const words = videos > 1 ? `${videos} videos price…` : "price…";
  find("#show-estimate").textContent = names.length ? words : "";
  find("#show-ratio").textContent = field("aspect_ratio").value;
};

export const showOrder = () => {
  for (const choice of findAll("[name=ratio_choice]")) choice.checked = choice.value === field("aspect_ratio").value;
  find(".send", composer()).ariaDisabled = !isPriced();
  if (isPriced()) return;
  showWaitingLabels();
  clearTimeout(timer);
  if (currentOrder() !== askedOrder) timer = setTimeout(askForAdvice, ASK_AFTER);
};

export const startOrder = () => {
  pricedOrder = orderOfThePage();
  askedOrder = null;
};

listen("htmx:configRequest", ({ detail }) => {
  if (detail.elt.id === "adviser") askedOrder = currentOrder();
});

/* Without an answer, the button says so, and the form can still be sent. */
listen("htmx:afterRequest", ({ detail }) => {
  if (detail.elt.id !== "adviser" || !composer()) return;
  pricedOrder = askedOrder;
  askedOrder = null;
  if (!detail.successful) find("#show-estimate").textContent = "price not known";
  showOrder();
});

/* Runs before HTMX. The answer to a question of the server names its price itself. */
listen(
  "submit",
  (event) => {
    if (event.target !== composer() || isPriced() || event.submitter?.name === "confirmed") return;
    event.preventDefault();
    event.stopImmediatePropagation();
  },
  true,
);

/* The list of models; what it does while it is open is in picker.js. */
export const SHOWN_MODELS = ".offer:not([hidden]) [name=provider]:enabled";

listen("input", ({ target }) => {
  // At least one model stays chosen.
  if (target.name === "provider" && !chosenModels().length) target.checked = true;
});

listen("click", ({ target, detail }) => {
  // A click chooses a ratio and closes; arrow keys, whose clicks have no detail, only choose.
  const ratio = target.matches("input") && target.closest(".ratios label");
  if (ratio && detail) setTimeout(() => ratio.closest("[popover]").hidePopover(), 120);
});
