"use strict";
/* Everything the studio does in the browser beyond links and forms. Loaded with defer, after htmx. */
(() => {
  const $ = (selector, root = document) => root.querySelector(selector);
  const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
  const on = (names, act, capture) => names.split(" ").forEach((name) => document.addEventListener(name, act, capture));
  const make = (tag, properties, words = "") => Object.assign(document.createElement(tag), { textContent: words, ...properties });
  const clock = (seconds) => {
    const s = Math.max(0, Math.round(seconds)), two = (n) => String(n).padStart(2, "0");
    return s < 3600 ? `${Math.floor(s / 60)}:${two(s % 60)}` : `${Math.floor(s / 3600)}:${two(Math.floor(s / 60) % 60)}:${two(s % 60)}`;
  };
  const toast = (words, action, act) => {
    const line = make("p", { className: "toast" }, words);
    if (action) line.append(make("button", { type: "button", textContent: action, onclick: () => { act(); line.remove(); } }));
    $("#toast").replaceChildren(line);
  };
  document.documentElement.classList.add("scripted");

  /* Cards: put each where it belongs, and leave alone what is being used. */
  const waiting = new Map();
  let fromLive = false;
  const inUse = (card) =>
    $(":popover-open, input:focus, textarea:focus", card) || $$("video", card).some((video) => !video.paused);

  const place = (fresh) => {
    const old = document.getElementById(fresh.id);
    if (fresh.hasAttribute("data-gone")) return old?.remove();
    if (!old) return insert(fresh);
    if (fromLive && +fresh.dataset.version <= +old.dataset.version) return;
    if (fromLive && inUse(old)) return waiting.set(fresh.id, fresh);
    waiting.delete(fresh.id);
    const focused = old.contains(document.activeElement) ? document.activeElement.id : null;
    old.replaceWith(fresh);
    if (focused !== null) (document.getElementById(focused) || $(".open, .button", fresh))?.focus({ preventScroll: true });
    if (fresh.dataset.say && fresh.dataset.state !== old.dataset.state) $("#announce").textContent = fresh.dataset.say;
    return fresh;
  };
  const insert = (fresh) => {
    const after = $$("#cards > .card").find((card) => +card.dataset.order < +fresh.dataset.order);
    if (!after && $("#more")) return; // older than all that is loaded
    fresh.classList.add("is-new");
    $("#cards").insertBefore(fresh, after || null);
    return fresh;
  };
  htmx.defineExtension("cards", {
    isInlineSwap: (style) => style === "cards",
    handleSwap: (style, target, fragment) =>
      style === "cards" && $$(".card, [data-gone]", fragment).map(place).filter((placed) => placed instanceof Element),
  });
  const placeWaiting = () => {
    fromLive = true;
    for (const card of waiting.values()) {
      const placed = document.getElementById(card.id) && place(card);
      if (placed instanceof Element) htmx.process(placed);
    }
  };

  /* Live: one small request per tab, quick while something is under way. */
  let timer, failures = 0, offset = 0;
  const look = () => {
    clearTimeout(timer);
    if ($("#live")) htmx.trigger("#live", "look");
    const busy = +($("#n-running")?.textContent || 0) > 0;
    timer = setTimeout(look, document.hidden ? (busy ? 10000 : 60000) : busy ? 1000 : 5000);
  };
  on("visibilitychange", () => document.hidden || look());
  on("htmx:beforeSwap", (event) => {
    const { requestConfig, target, shouldSwap } = event.detail;
    fromLive = requestConfig.elt.id === "live";
    if (shouldSwap && target?.id === "composer") keepWords();
  });
  on("htmx:afterRequest", (event) => {
    const { xhr, elt, successful } = event.detail;
    if (elt.id !== "live") return elt.id !== "adviser" && setTimeout(look, 50);
    if (xhr.status === 401) return clearTimeout(timer);
    failures = successful ? 0 : failures + 1;
    $("#offline").hidden = failures < 2;
    const date = successful && Date.parse(xhr.getResponseHeader("Date"));
    if (date) offset = Math.max(offset - 1000, Math.min(offset + 1000, date - Date.now()));
    placeWaiting();
  });
  on("htmx:responseError htmx:sendError htmx:timeout", (event) => {
    const { elt, xhr: { status } = {} } = event.detail;
    if (status === 401) return toast("You have been signed out. What you wrote is kept on this device.", "Sign in", () => location.assign("/login"));
    if (elt.id === "live" || elt.id === "adviser") return;
    if (status === 403) toast("This page is out of date. What you wrote is kept.", "Reload", () => location.reload());
    else if (status === 404) toast("This is no longer here.");
    else if (status === 400 || status === 413) toast("The studio could not read that. Nothing was sent.");
    else toast("The studio did not answer. Try again: the same press is never made twice.");
  });
  on("htmx:configRequest", (event) => {
    const { elt, parameters } = event.detail;
    if (elt.id === "find") for (const [name, value] of Object.entries(parameters)) value || delete parameters[name];
  });

  /* Clocks and rings run from the server's timestamps. */
  const tick = () => {
    const now = (Date.now() + offset) / 1000;
    for (const card of $$("[data-since]")) {
      const { since, eta, overdue, state } = card.dataset, elapsed = now - since, time = $(".tick", card);
      if (time) time.textContent = clock(elapsed);
      if (state !== "running") continue;
      $(".run", card)?.setAttribute("stroke-dashoffset", 100 - Math.max(2, Math.min(96, (100 * elapsed) / eta)));
      card.classList.toggle("is-late", elapsed > eta);
      card.classList.toggle("is-overdue", elapsed > overdue);
    }
  };

  /* One muted preview at a time, on hover or focus. */
  let playing;
  const still = matchMedia("(prefers-reduced-motion: reduce)"), mouse = matchMedia("(hover: hover)");
  const hush = () => {
    if (!playing) return;
    playing.pause();
    playing.closest(".card")?.classList.remove("is-playing");
    playing = null;
    placeWaiting();
  };
  on("mouseover focusin", ({ target }) => {
    const card = target.closest?.(".card"), video = card && $("video", card);
    if (video === playing) return;
    hush();
    if (!video || still.matches || !mouse.matches) return;
    playing = video;
    setTimeout(() => {
      if (playing === video) video.play().then(() => playing === video && card.classList.add("is-playing"), () => {});
    }, 150);
  });

  /* The composer */
  const form = () => $("#composer");
  const field = (name) => form()?.elements.namedItem(name);
  const ask = () => htmx.trigger("#adviser", "ask");
  const has = (which) => $(`#slot-${which}`).classList.contains("is-filled");

  /* Settings: fields and JSON over one object. The server says what is wrong with it. */
  const config = () => {
    const value = JSON.parse(field("config").value.trim() || "{}");
    if (!value || typeof value !== "object" || Array.isArray(value)) throw new Error();
    return value;
  };
  const fillKeys = () => {
    let value;
    try { value = config(); } catch { return; }
    for (const input of $$("[data-key]", form())) if (input !== document.activeElement) input.value = value[input.dataset.key] ?? "";
    const count = Object.keys(value).length;
    $("#settings-count").textContent = count ? `${count} set` : "";
  };
  const setKey = (input) => {
    let value;
    try { value = config(); } catch { return; }
    const { key, type } = input.dataset;
    if (input.value === "") delete value[key];
    else value[key] = type === "string" ? input.value : JSON.parse(input.value);
    field("config").value = Object.keys(value).length ? JSON.stringify(value, null, 2) : "";
  };

  /* A draft per person on this device: nothing typed is lost by a reload, an error or an expired session. */
  const KEPT = ["prompt", "provider", "aspect_ratio", "config", "count", "start_picture", "end_picture", "reference_image_url", "tail_image_url"];
  const draftName = () => `draft:${form().dataset.user}`;
  const keep = () => {
    if (!form()) return;
    const draft = Object.fromEntries(KEPT.map((name) => [name, field(name)?.value || ""]));
    draft.also = $$("[name=also]:checked", form()).map((also) => also.value);
    try { localStorage.setItem(draftName(), JSON.stringify(draft)); } catch { /* a full or forbidden store loses no more than a draft */ }
  };
  const bringBack = () => {
    let draft;
    try { draft = JSON.parse(localStorage.getItem(draftName()) || "{}"); } catch { return; }
    for (const name of ["prompt", "aspect_ratio", "config", "count"]) if (draft[name]) field(name).value = draft[name];
    for (const input of $$("[name=provider]", form())) if (input.value === draft.provider) input.checked = true;
    for (const input of $$("[name=also]", form())) input.checked = draft.also?.includes(input.value);
    for (const [which, name] of [["start", "reference_image_url"], ["end", "tail_image_url"]]) {
      const query = draft[`${which}_picture`] ? `${which}_picture=${draft[`${which}_picture`]}` : draft[name] && `${name}=${encodeURIComponent(draft[name])}`;
      if (query && !has(which)) htmx.ajax("GET", `/frame/${which}?${query}`, { target: `#slot-${which}`, swap: "outerHTML" });
    }
  };
  const keepWords = () => {
    const words = field("prompt")?.value;
    if (words?.trim()) setTimeout(() => field("prompt").value !== words && toast("Filled in from the gallery.", "Bring back what I was writing", () => fill(words)), 80);
  };
  const fill = (words) => {
    const prompt = field("prompt");
    prompt.value = words;
    refresh();
    prompt.focus();
  };

  const grow = () => {
    const prompt = field("prompt");
    if (CSS.supports("field-sizing", "content")) return;
    prompt.style.height = "auto";
    prompt.style.height = `${prompt.scrollHeight}px`;
  };
  const refresh = () => {
    if (!form()) return;
    grow(); fillKeys(); keep();
  };
  const measure = new ResizeObserver(() => {
    if (form()) document.documentElement.style.setProperty("--dock", `${form().offsetHeight}px`);
  });
  const start = () => {
    if (!form() || form().dataset.started) return;
    form().dataset.started = true;
    if (!("filled" in form().dataset)) bringBack();
    else if (innerWidth <= 640) form().classList.add("is-open");
    refresh();
    ask();
    measure.disconnect();
    measure.observe(form());
  };

  on("input", ({ target }) => {
    if (target.id === "provider-search") return findProvider(target.value);
    if (!form()?.contains(target)) return;
    if (target.dataset.key) setKey(target);
    if (target.name === "ratio_choice") field("aspect_ratio").value = target.value;
    $$(`[data-field="${target.name}"]`, form()).forEach((error) => { error.textContent = ""; });
    refresh();
  });
  const findProvider = (text) => {
    const words = text.toLowerCase().split(/\s+/);
    for (const offer of $$(".offer")) offer.hidden = !words.every((word) => offer.dataset.find.includes(word));
    for (const family of $$(".families section")) family.hidden = !$(".offer:not([hidden])", family);
  };
  on("click", (event) => {
    const { target } = event, words = target.closest("[data-fill]"), card = target.closest(".offer .main, .ratios label");
    if (words) { words.closest("[popover]")?.hidePopover(); form()?.classList.add("is-open"); fill(words.dataset.fill); }
    if (card && event.detail && target.matches("input")) setTimeout(() => card.closest("[popover]").hidePopover(), 120);
    if (target.closest(".fold")) form().classList.remove("is-open");
    if (target.closest(".card-menu a, .card-menu button")) target.closest("[popover]").hidePopover();
  });
  on("focusin", ({ target }) => target.name === "prompt" && form().classList.add("is-open"));
  on("toggle", ({ target, newState }) => {
    if (newState === "open" && target.id === "providers") $("#provider-search").focus();
  }, true);
  on("keydown", (event) => {
    const { target, key } = event, typing = target.matches?.("input, textarea, select");
    if (key === "/" && !typing && $(".search input")) { event.preventDefault(); $(".search input").focus(); }
    if (!form()?.contains(target)) return;
    if (key === "Enter" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); form().requestSubmit($(".send")); }
    else if (key === "Enter" && target.matches("input")) {
      event.preventDefault(); // a field's Enter confirms the field; it never spends money
      if (target.id === "provider-search") $(".offer:not([hidden]) [type=radio]")?.click();
      else target.dispatchEvent(new Event("change", { bubbles: true }));
      target.closest("[popover]")?.hidePopover();
    } else if (key === "ArrowDown" && target.id === "provider-search") {
      event.preventDefault();
      ($(".offer:not([hidden]) :checked") || $(".offer:not([hidden]) [type=radio]"))?.focus();
    } else if (key === "ArrowUp" && target.name === "prompt" && !target.value) {
      const last = $("#recent [data-fill]");
      if (last) fill(last.dataset.fill);
    }
  });

  /* Pictures: drop on a slot or anywhere on the composer, or paste. */
  const give = (file, slot) => {
    const which = slot?.dataset.slot || (has("start") && !has("end") ? "end" : "start"), files = new DataTransfer();
    const input = $(`#slot-${which} input[type=file]`);
    files.items.add(file);
    input.files = files.files;
    input.dispatchEvent(new Event("change", { bubbles: true }));
  };
  const pictureIn = (data) => [...(data?.files || [])][0];
  on("dragover", (event) => {
    if (!form() || ![...event.dataTransfer.types].includes("Files")) return;
    event.preventDefault();
    form().classList.toggle("is-over", form().contains(event.target));
  });
  on("dragleave drop", () => form()?.classList.remove("is-over"));
  on("drop", (event) => {
    const file = pictureIn(event.dataTransfer);
    if (!file || !form()) return;
    event.preventDefault();
    if (form().contains(event.target)) give(file, event.target.closest("[data-slot]"));
  });
  on("paste", (event) => {
    const file = pictureIn(event.clipboardData);
    if (!file || !form()?.contains(event.target)) return;
    event.preventDefault();
    give(file, event.target.closest("[data-slot]"));
  });

  /* After a press the words and frames make room for the next; the choices stay. */
  let sent;
  on("htmx:beforeRequest", (event) => { if (event.detail.elt === form()) sent = field("prompt").value; });
  on("pressed", () => {
    $$(".error", form()).forEach((error) => { error.textContent = ""; });
    if (field("prompt").value === sent) {
      field("prompt").value = "";
      for (const which of ["start", "end"]) if (has(which)) htmx.ajax("GET", `/frame/${which}`, { target: `#slot-${which}`, swap: "outerHTML" });
    }
    $("#recent > div")?.prepend(make("button", { type: "button", textContent: sent }));
    Object.assign($("#recent [type=button]")?.dataset || {}, { fill: sent });
    if (innerWidth <= 640) { form().classList.remove("is-open"); document.activeElement.blur(); }
    scrollTo({ top: 0, behavior: still.matches ? "auto" : "smooth" });
    refresh();
    ask();
  });

  on("htmx:load", (event) => {
    if (event.detail.elt.id === "composer") { start(); form().classList.add("is-open"); field("prompt").focus(); }
    else if (event.detail.elt.dataset?.slot) { refresh(); ask(); }
  });
  addEventListener("pagehide", keep);
  start();
  const now = $("#live")?.dataset.now;
  if (now) offset = now * 1000 - Date.now();
  setInterval(tick, 1000);
  tick();
  timer = setTimeout(look, 1000);
})();
