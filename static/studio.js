/* The studio beyond links and forms. */
const $ = (selector, root = document) => root.querySelector(selector);
const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
const on = (names, act, capture) => names.split(" ").forEach((name) => document.addEventListener(name, act, capture));
const make = (tag, properties) => Object.assign(document.createElement(tag), properties);
const stop = (event) => event.preventDefault();
const clock = (seconds) => new Date(Math.max(0, seconds) * 1000).toISOString().slice(11, 19).replace(/^(00:)?0?/, "");
const say = (what) => {
	const sayings = $("#sayings").content;
	$("#toast").replaceChildren(($(`[data-when~="${what}"]`, sayings) || sayings.lastElementChild).cloneNode(true));
};
let fading;
const hide = () => $("#toast").replaceChildren();
const fade = () => {
	clearTimeout(fading);
	if (!$("#toast a")) fading = setTimeout(() => $("#toast:is(:hover, :focus-within)") ? fade() : hide(), 9000);
};
new MutationObserver(fade).observe($("#toast"), { childList: true });
const root = document.documentElement;
root.classList.add("scripted");

/* Cards: what is in use is left alone. */
const waiting = new Map();
let fromLive = false;
const inUse = (card) =>
	$(":popover-open, input:focus, textarea:focus", card) || $$("video", card).some((video) => !video.paused);

const place = (fresh) => {
	const old = document.getElementById(fresh.id);
	const hadFocus = old?.contains(document.activeElement);
	if (fresh.hasAttribute("data-gone")) {
		const next = hadFocus && (old.nextElementSibling || old.previousElementSibling);
		old?.remove();
		return next && $(".open, .button", next)?.focus();
	}
	if (!old) return insert(fresh);
	if (fromLive && +fresh.dataset.version <= +old.dataset.version) return;
	if (fromLive && inUse(old)) return waiting.set(fresh.id, fresh);
	waiting.delete(fresh.id);
	const { id } = document.activeElement;
	old.replaceWith(fresh);
	if (hadFocus) (id && document.getElementById(id) || $(".open, .button", fresh))?.focus({ preventScroll: true });
	if (fromLive) $("[name=ids]", fresh).checked = $("[name=ids]", old).checked;
	if (fresh.dataset.say && fresh.dataset.state !== old.dataset.state) {
		$("#announce").textContent = fresh.dataset.say;
		tell(fresh.dataset.say, fresh.id);
	}
	return fresh;
};
const insert = (fresh) => {
	const after = $$("#cards > .card").find((card) => +card.dataset.order < +fresh.dataset.order);
	if (!after && $("#more")) return;
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

/* Live: one small request per tab. */
let timer, failures = 0, offset = ($("#live")?.dataset.now * 1000 || Date.now()) - Date.now();
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
	if (status !== 401 && (elt.id === "live" || elt.id === "adviser")) return;
	say(status);
});
on("htmx:configRequest", (event) => {
	const { elt, parameters } = event.detail, token = document.cookie.match(/\bcsrftoken=(\w+)/)?.[1];
	// Another tab's sign-in makes this page's token void.
	if (token && parameters.csrfmiddlewaretoken) parameters.csrfmiddlewaretoken = token;
	if (elt.matches("#find, .filters")) for (const [name, value] of Object.entries(parameters)) value || delete parameters[name];
});
on("htmx:historyRestore", () => { $("#q").value = new URLSearchParams(location.search).get("q") || ""; });

/* Clocks */
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

/* Previews */
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
const form = () => $("#composer"), unfold = (open = true) => form()?.classList.toggle("is-open", open), narrow = () => innerWidth <= 640;
const field = (name) => form()?.elements[name];
const change = (input) => input.dispatchEvent(new Event("change", { bubbles: true }));
const forget = (errors) => $$(errors, form()).forEach((error) => { error.textContent = ""; });
const ask = () => htmx.trigger("#adviser", "ask");
const frame = (which, query = "") => htmx.ajax("GET", `/frame/${which}${query}`, { target: `#slot-${which}`, swap: "outerHTML" });
const has = (which) => $(`#slot-${which}`).classList.contains("is-filled");

/* Settings */
const config = () => {
	try {
		const value = JSON.parse(field("config").value.trim() || "{}");
		return value.constructor === Object && value;
	} catch { return false; }
};
const fillKeys = () => {
	const value = config();
	if (!value) return;
	for (const input of $$("[data-key]", form())) if (input !== document.activeElement) input.value = value[input.dataset.key] ?? "";
	const count = Object.keys(value).length;
	$("#settings-count").textContent = count ? `${count} set` : "";
};
const setKey = (input) => {
	const value = config(), { key, type } = input.dataset;
	if (!value) return;
	if (input.value === "") delete value[key];
	else value[key] = type === "string" ? input.value : JSON.parse(input.value);
	field("config").value = Object.keys(value).length ? JSON.stringify(value, null, 2) : "";
};

/* A draft per person */
const draftName = () => `draft:${form().dataset.user}`;
const keep = () => {
	if (!form()) return;
	const draft = [...new FormData(form())].filter(([name, value]) => typeof value === "string" && !name.endsWith("token"));
	try { localStorage.setItem(draftName(), JSON.stringify(draft)); } catch { /* no store */ }
};
const bringBack = () => {
	let draft = [];
	try { draft = [...JSON.parse(localStorage.getItem(draftName()))]; } catch { /* none */ }
	for (const [name, value] of draft) {
		const which = /^(start_p|ref)/.test(name) ? "start" : /^(end_p|tail)/.test(name) && "end";
		if (which) value && frame(which, `?${new URLSearchParams({ [name]: value })}`);
		else for (const input of form().elements) {
			if (input.name !== name) continue;
			if (/radio|checkbox/.test(input.type)) input.checked ||= input.value === value;
			else input.value = value;
		}
	}
};
const keepWords = () => {
	const words = field("prompt")?.value;
	if (words?.trim()) setTimeout(() => {
		if (field("prompt").value === words) return;
		say("filled");
		$("#toast button").dataset.fill = words;
	}, 80);
};
const fill = (words) => {
	const prompt = field("prompt");
	prompt.value = words;
	refresh();
	prompt.focus();
};

const refresh = () => {
	if (!form()) return;
	fillKeys();
	keep();
};
const measure = new ResizeObserver(() => {
	if (form()) root.style.setProperty("--dock", `${form().offsetHeight}px`);
});
const start = () => {
	if (!form()) return;
	if (!("filled" in form().dataset)) bringBack();
	else if (narrow()) unfold();
	refresh();
	ask();
	measure.observe(form());
};

on("input", ({ target }) => {
	if (target.id === "provider-search") return findProvider(target.value);
	if (!form()?.contains(target)) return;
	if (target.dataset.key) setKey(target);
	if (target.name === "ratio_choice") field("aspect_ratio").value = target.value;
	forget(`[data-field="${target.name}"]`);
	refresh();
});
const offered = ".offer:not([hidden]) [type=radio]";
const findProvider = (text) => {
	const words = text.toLowerCase().split(/\s+/);
	for (const offer of $$(".offer")) offer.hidden = !words.every((word) => offer.dataset.find.includes(word));
	for (const family of $$(".families section")) family.hidden = !$(".offer:not([hidden])", family);
};
on("click", (event) => {
	const { target } = event, words = target.closest("[data-fill]"), card = target.closest(".offer .main, .ratios label");
	if (words) { words.closest("[popover]")?.hidePopover(); hide(); unfold(); fill(words.dataset.fill); }
	if (card && event.detail && target.matches("input")) setTimeout(() => card.closest("[popover]").hidePopover(), 120);
	// Folded, no price shows.
	if (narrow() && target.closest(".send") && !form().matches(".is-open")) { stop(event); unfold(); }
	if (target.closest(".fold")) unfold(false);
	if (target.closest(".card-menu a, .card-menu button")) target.closest("[popover]").hidePopover();
});
on("focusin", ({ target }) => target.name === "prompt" && unfold());
on("toggle", ({ target }) => { if (target.id === "providers") findProvider($("#provider-search").value = ""); }, true);
on("keydown", (event) => {
	const { target, key } = event, typing = target.matches?.("input, textarea, select");
	if (key === "/" && !typing) { stop(event); $(".search input").focus(); }
	if (!form()?.contains(target)) return;
	if (key === "Enter" && (event.ctrlKey || event.metaKey)) { stop(event); form().requestSubmit($(".send")); }
	else if (key === "Enter" && target.matches("input")) {
		stop(event); // Enter never spends money
		if (target.id === "provider-search") $(offered)?.click();
		else if (target.type === "radio") target.click();
		else change(target);
		target.closest("[popover]")?.hidePopover();
	} else if (key === "ArrowDown" && target.id === "provider-search") {
		stop(event);
		($(`${offered}:checked`) || $(offered))?.focus();
	} else if (key === "ArrowUp" && target.name === "prompt" && !target.value) $("#recent [data-fill]")?.click();
});

/* Pictures */
const give = (file, slot) => {
	const which = slot?.dataset.slot || (has("start") && !has("end") ? "end" : "start"), files = new DataTransfer();
	const input = $(`#slot-${which} input[type=file]`);
	files.items.add(file);
	input.files = files.files;
	change(input);
};
on("dragover", (event) => {
	if (!form() || !event.dataTransfer.types.includes("Files")) return;
	stop(event);
	form().classList.toggle("is-over", form().contains(event.target));
});
on("dragleave drop", () => form()?.classList.remove("is-over"));
on("drop paste", (event) => {
	const file = (event.dataTransfer || event.clipboardData)?.files[0];
	if (!file || !form()) return;
	stop(event);
	if (form().contains(event.target)) give(file, event.target.closest("[data-slot]"));
});

/* After a press */
let sent;
on("htmx:beforeRequest", (event) => { if (event.detail.elt === form()) sent = field("prompt").value; });
on("pressed", () => {
	forget(".error");
	if (field("prompt").value === sent) {
		field("prompt").value = "";
		for (const which of ["start", "end"]) if (has(which)) frame(which);
	}
	const recent = make("button", { type: "button", textContent: sent });
	recent.dataset.fill = sent;
	$("#recent > div").prepend(recent);
	if (narrow()) { unfold(false); document.activeElement.blur(); }
	scrollTo(0, 0);
	refresh();
	ask();
});

on("htmx:load", (event) => {
	if (event.detail.elt.id === "composer") { start(); unfold(); field("prompt").focus(); }
	else if (event.detail.elt.dataset?.slot) { refresh(); ask(); }
});

/* Viewer */
const viewer = $("#viewer"), lift = (to) => to.append($("#toast"), $("#announce"), $("#keys"));
let opener, leaving;
const watch = async (link) => {
	const address = new URL(link.href), isOpen = viewer.open;
	if (!isOpen) {
		opener = link.closest(".card").id;
		address.search = $("#live").getAttribute("hx-get").split("?")[1] || "";
		lift(viewer);
		viewer.showModal();
	}
	history[isOpen ? "replaceState" : "pushState"]({ viewer: true }, "", address);
	await htmx.ajax("GET", address.href, { target: "#viewer-body" });
	if (!$(".viewer", viewer)) return viewer.close();
	$(".viewer", viewer).focus();
	if (!still.matches) $("video", viewer)?.play().catch(() => {});
};
viewer?.addEventListener("close", () => {
	$("#viewer-body").replaceChildren();
	lift(document.body);
	leaving = history.state?.viewer;
	if (leaving) history.back();
	(opener ? $(`#${opener} .open`) : field("prompt"))?.focus();
});
addEventListener("popstate", (event) => {
	if (!viewer || !(leaving || viewer.open || event.state?.viewer)) return;
	event.stopImmediatePropagation(); // the gallery stays
	if (event.state?.viewer) location.reload();
	else if (!leaving) viewer.close();
	leaving = false;
}, true);
on("click", (event) => {
	const link = event.target.closest("#cards a.open, #viewer a[data-view]");
	if (event.target === viewer) viewer.close();
	if (!viewer || !link || event.ctrlKey || event.metaKey || event.shiftKey) return;
	stop(event);
	watch(link);
});
on("htmx:afterOnLoad", ({ detail: { elt } }) => {
	const next = elt.matches("[data-passes-on]") && $(".turn.older, .turn.newer", viewer);
	if (next) return watch(next);
	if (elt.matches("[data-leaves]")) opener = null;
	if (elt.matches("[data-passes-on], [data-leaves]")) viewer.close();
});

/* Keys: data-hotkey */
const beside = (card, key) => {
	const cards = $$("#cards > .card"), at = cards.indexOf(card), way = /Right|Down/.test(key) ? 1 : -1;
	if (at < 0 || /Left|Right/.test(key)) return cards[at + way] || cards[at];
	const { left, top, width } = card.getBoundingClientRect();
	const away = (other) => {
		const box = other.getBoundingClientRect(), down = way * (box.top - top);
		return down > 8 ? down * 4 + Math.abs(box.left + box.width / 2 - left - width / 2) : Infinity;
	};
	return cards.reduce((best, other) => (away(other) < away(best) ? other : best), card);
};
on("keydown", (event) => {
	const { key } = event, active = document.activeElement, card = active.closest(".card"), dialog = $("dialog[open]");
	if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
	if (active.closest("input:not([type=checkbox]), textarea, select, [popover]")) return;
	if (key === " " && active.closest("button, a:not(.open), summary, input, video")) return;
	const scope = dialog || card || document;
	const press = $(`[data-hotkey="${CSS.escape(key)}" i]`, key === "?" ? document : scope), video = key === " " && $("video", scope);
	if (key === "Escape" && !$(":popover-open")) $("#selection")?.reset();
	if (press) press.click();
	else if (video) video.paused ? video.play() : video.pause();
	else if (key === "s" && card && $(".open", card)) watch($(".open", card)).then(() => $("[data-hotkey=s]", viewer)?.click());
	else if (key.startsWith("Arrow") && $("#cards .card") && !dialog) {
		const next = beside(card, key);
		if (event.shiftKey) [card, next].forEach((one) => { if (one) $("[name=ids]", one).checked = true; });
		next.tabIndex = -1;
		($(".open", next) || next).focus();
		count();
	} else return;
	stop(event);
});

/* Selecting many */
let lastTicked;
const count = () => {
	const all = $$("#cards [name=ids]:checked"), size = all.reduce((sum, tick) => sum + +tick.dataset.size, 0) / 1e6;
	if ($("#selected")) $("#selected").textContent = all.length && `${all.length} selected${size ? `, ${size.toFixed(1)} MB` : ""}`;
};
on("click", ({ target, shiftKey }) => {
	if (target.name !== "ids") return;
	const all = $$("#cards [name=ids]"), [from, to] = [all.indexOf(lastTicked), all.indexOf(target)].sort((a, b) => a - b);
	if (shiftKey && from >= 0) all.slice(from, to).forEach((tick) => { tick.checked = target.checked; });
	lastTicked = target;
	count();
});
on("reset htmx:afterSettle", () => setTimeout(count));

/* Copying, also without TLS. */
on("click", ({ target }) => {
	const button = target.closest("[data-copy]");
	if (!button) return;
	const text = make("textarea", { value: button.dataset.copy });
	button.after(text);
	text.select();
	document.execCommand("copy");
	say("copied");
	text.remove();
	button.focus();
});

/* Notices */
const tells = () => !!localStorage.tell && window.Notification?.permission === "granted";
const tell = (words, tag) => {
	if (!document.hidden || !tells()) return;
	new Notification(words, { tag }).onclick = () => focus();
	$("#chime").play().catch(() => {});
};
const showTells = () => { if ($("#tell")) $("#tell").ariaPressed = tells(); };
on("click", async ({ target }) => {
	if (!target.closest("#tell")) return;
	localStorage.tell = tells() ? "" : "yes";
	if (localStorage.tell && await window.Notification?.requestPermission() !== "granted") say("no-notices");
	showTells();
});
showTells();

/* Compare: the longest leads; others follow by speed, and jump only when far off. */
const lead = $("[data-leads]"), videos = $$(".beside video");
const follow = () => {
	const at = lead.currentTime;
	$("#deck input").value = at;
	$("[data-time]").textContent = `${at.toFixed(1)} / ${lead.duration.toFixed(1)} s`;
	$("[data-deck=play]").ariaPressed = !lead.paused;
	for (const video of videos) {
		const off = at - video.currentTime, isOver = at >= video.duration;
		if (video === lead) continue;
		if (Math.abs(off) > 0.3 && !(isOver && video.ended)) video.currentTime = Math.min(at, video.duration);
		if (lead.paused || isOver) { video.pause(); continue; }
		video.playbackRate = lead.playbackRate * (1 + Math.max(-0.15, Math.min(0.15, off)));
		video.play().catch(() => {});
	}
	if (!lead.paused) requestAnimationFrame(follow);
};
on("click", ({ target }) => {
	const button = target.closest("[data-deck]"), { deck } = button?.dataset || {}, pressed = button?.ariaPressed !== "true";
	if (deck === "play") return pressed ? lead.play() : lead.pause();
	if (deck === "sound") {
		for (const video of videos) video.muted = !pressed || !video.closest("figure").contains(button);
		for (const other of $$("[data-deck=sound]")) other.ariaPressed = false;
	}
	if (deck === "slow") lead.playbackRate = pressed ? 0.5 : 1;
	if (deck === "loop") lead.loop = pressed;
	if (deck) button.ariaPressed = pressed;
});
if (lead) {
	lead.onloadedmetadata = lead.onplay = lead.onpause = lead.onseeked = follow;
	for (const video of videos) video.controls = false;
	$("#deck input").oninput = ({ target }) => { lead.currentTime = target.value; };
	if (lead.duration) follow();
}

addEventListener("pagehide", keep);
on("DOMContentLoaded", start); // htmx listens only then
setInterval(tick, 1000);
tick();
timer = setTimeout(look, 1000);
