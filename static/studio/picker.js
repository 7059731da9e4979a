/* The list of providers, which can be searched, and the list of ratios. */
import { find, findAll, listen } from "./dom.js";

export const SHOWN_PROVIDERS = ".offer:not([hidden]) [type=radio]";

const filterProviders = (text) => {
  const words = text.toLowerCase().split(/\s+/);
  for (const offer of findAll(".offer")) offer.hidden = !words.every((word) => offer.dataset.find.includes(word));
  for (const family of findAll(".families section")) family.hidden = !find(".offer:not([hidden])", family);
};

listen("input", ({ target }) => {
  if (target.id === "provider-search") filterProviders(target.value);
});

/* toggle does not bubble, so it is captured. */
listen(
  "toggle",
  ({ target }) => {
    if (target.id !== "providers") return;
    find("#provider-search").value = "";
    filterProviders("");
  },
  true,
);

/* A click chooses and closes; arrow keys, whose clicks have no detail, only choose. */
listen("click", ({ target, detail }) => {
  const choice = target.matches("input") && target.closest(".offer .main, .ratios label");
  if (choice && detail) setTimeout(() => choice.closest("[popover]").hidePopover(), 120);
});
