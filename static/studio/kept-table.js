/* The table is kept in the browser's history: Back and Reload show it again and never repeat a POST. It is checked
   again, which sends nothing; its token is kept too, so that the server says if these rows were generated already. */
import { createElement, find, findAll, listen } from "./dom.js";

const form = find("form.many");
const fields = () => [form.elements.table, form.elements.token, form.elements.ticks_of];
const isChecked = () => "checked" in form.dataset; // the reply to Check or Generate
const ticked = () => findAll("[name=row]:checked", form).map((box) => box.value);

/* With an address of its own, this entry of the history is no longer the reply to a POST. */
const keep = () => {
  const values = fields().map((field) => field.value);
  try {
    history.replaceState({ table: [values, ticked(), isChecked()] }, "", form.getAttribute("action"));
  } catch {
    // too large, or too often, for this browser
  }
};

const restore = ([values, rows, wasChecked]) => {
  fields().forEach((field, index) => (field.value = values[index]));
  if (!wasChecked) return;
  for (const value of rows) form.append(createElement("input", { type: "hidden", name: "row", value }));
  form.requestSubmit(find("[value=check]", form));
};

export const startKeeping = () => {
  if (isChecked()) keep();
  else if (history.state?.table) restore(history.state.table);
  listen("submit", keep);
  addEventListener("pagehide", keep);
};
