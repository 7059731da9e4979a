/* A checked table is kept in the browser's history: Back and Reload show it again and never repeat a POST. It is
   checked again, which sends nothing; its token is kept too, so that the server says if these rows were generated
   already. */
import { createElement, find, findAll, listen } from "./dom.js";

const form = find("form.many");
const address = form?.getAttribute("action");
const fields = () => [form.elements.table, form.elements.token, form.elements.ticks_of];
const ticked = () => findAll("[name=row]:checked", form).map((box) => box.value);
let startsOver = false;

/* With an address of its own, this entry of the history is no longer the reply to a POST. */
const keep = () => {
  const values = fields().map((field) => field.value);
  try {
    history.replaceState(startsOver ? null : { table: [values, ticked()] }, "", address);
  } catch {
    // too large, or too often, for this browser
  }
};

const restore = ([values, rows]) => {
  fields().forEach((field, index) => (field.value = values[index]));
  for (const value of rows) form.append(createElement("input", { type: "hidden", name: "row", value }));
  form.requestSubmit(find("[value=check]", form));
};

export const startKeeping = () => {
  const isReply = "checked" in form.dataset;
  if (!isReply) return history.state?.table && restore(history.state.table);
  keep();
  listen("submit", keep);
  addEventListener("pagehide", keep);
  listen("click", ({ target }) => {
    if (!target.closest(`a[href="${address}"]`)) return;
    startsOver = true;
    keep();
  });
};
