/* The common parts of every request: its token, and the message when it fails. */
import { find, listen } from "./dom.js";
import { showToast } from "./toasts.js";

listen("htmx:responseError htmx:sendError htmx:timeout", (event) => {
  const { elt, xhr } = event.detail;
  const isBackground = elt.matches("#live, #adviser, [data-every]");
  if (isBackground && xhr?.status !== 401) return;
  const place = xhr?.getResponseHeader("Studio-Outage"); // where the server's own sentence goes
  if (place) (find(place) || showToast()).textContent = xhr.responseText;
  else showToast(xhr?.status);
});

listen("htmx:configRequest", (event) => {
  const { elt, parameters } = event.detail;
  const token = document.cookie.match(/\bcsrftoken=(\w+)/)?.[1];
  // Signing in within another tab makes the token of this page void.
  if (token && parameters.csrfmiddlewaretoken) parameters.csrfmiddlewaretoken = token;
  if (!elt.matches("#find, .filters")) return;
  for (const [name, value] of Object.entries(parameters)) {
    if (!value) delete parameters[name];
  }
});
