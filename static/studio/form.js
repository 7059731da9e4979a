/* The composer's form, its fields and its settings. HTMX replaces the whole form, so it is looked up each time. */
import { find, findAll } from "./dom.js";

export const composer = () => find("#composer");
export const field = (name) => composer()?.elements[name];
export const unfold = (isOpen = true) => composer()?.classList.toggle("is-open", isOpen);
export const triggerChange = (input) => input.dispatchEvent(new Event("change", { bubbles: true }));

export const clearErrors = (selector) => {
  for (const error of findAll(selector, composer())) error.textContent = "";
};

/* Asks the server for labels, price, advice and errors of the form as it stands. */
export const askForAdvice = () => htmx.trigger("#adviser", "ask");

/* The fields of the settings and their JSON text show the same values. */
// null while the text is not one JSON object
const readSettings = () => {
  try {
    const value = JSON.parse(field("config").value.trim() || "{}");
    return value.constructor === Object ? value : null;
  } catch {
    return null;
  }
};

export const showSettings = () => {
  const settings = readSettings();
  if (!settings) return;
  for (const input of findAll("[data-key]", composer())) {
    if (input !== document.activeElement) input.value = settings[input.dataset.key] ?? "";
  }
  const count = Object.keys(settings).length;
  find("#settings-count").textContent = count ? `${count} set` : "";
};

export const takeSetting = (input) => {
  const settings = readSettings();
  if (!settings) return;
  const { key, type } = input.dataset;
  if (input.value === "") delete settings[key];
  else settings[key] = type === "string" ? input.value : JSON.parse(input.value);
  field("config").value = Object.keys(settings).length ? JSON.stringify(settings, null, 2) : "";
};
