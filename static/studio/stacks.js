/* Opens a stack in place, and closes it. Loaded on first use. */
import { batchOf, cardsWithin, isOpen, openStack } from "./cards.js";
import { find } from "./dom.js";

const close = (stack) => {
  cardsWithin(stack).forEach((card) => card.remove());
  find("[name=open]", stack).remove();
  find("[data-stack]", stack).ariaExpanded = false;
};

const showCards = (stack) => {
  openStack(stack);
  const query = new URLSearchParams(find("#live").getAttribute("hx-get").split("?")[1]);
  query.set("batch", batchOf(stack));
  return htmx.ajax("GET", `/?${query}&open=1`, { source: stack, target: "#cards", swap: "cards" });
};

export const act = (link) => {
  const stack = link.closest(".card");
  return isOpen(stack) ? close(stack) : showCards(stack);
};
