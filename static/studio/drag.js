/* Cards that are dragged onto a collection: while they are, the sheet with the collections stands at the side, and each
   of its buttons takes what is dropped there. Loaded with the first card that is dragged. */
import { find, findAll, listen } from "./dom.js";

const sheet = find("#choose");
const target = (event) => sheet.matches(".takes-drops") && event.target.closest?.("#choose .choice:enabled");

/* The whole selection if this card is selected; otherwise this card alone. A stack stands for what it shows. */
const chosenWith = (card) => {
  const own = find(".tick-box input", card);
  const boxes = own.checked ? findAll("#cards .tick-box :checked") : [own];
  const valuesOf = (name) => boxes.filter((box) => box.name === name).map((box) => box.value);
  return { ids: valuesOf("ids"), batches: valuesOf("batches"), filters: find("#selection [name=filters]").value };
};

/* Only after the browser has begun to drag: it would end at once if the page changed before. */
export const start = (card) => {
  const place = { target: sheet, swap: "innerHTML" };
  sheet.replaceChildren();
  sheet.classList.add("takes-drops");
  htmx.ajax("POST", "/collections/choose", { source: "#action", values: chosenWith(card), ...place });
  setTimeout(() => sheet.matches(".takes-drops:not(:popover-open)") && sheet.showPopover());
};

const end = () => {
  sheet.classList.remove("takes-drops");
  for (const choice of findAll(".is-over", sheet)) choice.classList.remove("is-over");
};

listen("dragover", (event) => {
  const choice = target(event);
  for (const other of findAll(".choice", sheet)) other.classList.toggle("is-over", other === choice);
  if (choice) event.preventDefault();
});

/* The form of the sheet closes it once the server has answered. */
listen("drop", (event) => {
  const choice = target(event);
  if (!choice) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  end();
  choice.click();
});

listen("dragend", ({ dataTransfer }) => {
  const isTaken = !sheet.matches(".takes-drops") && dataTransfer.dropEffect !== "none";
  end();
  if (!isTaken) sheet.hidePopover();
});
