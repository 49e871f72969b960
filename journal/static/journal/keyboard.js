// Keys. What a page offers stands in its elements: `data-hotkey="t"` is clicked by t, or focused where it is a field, and
// listed in the help with `data-hotkey-words`, its label or its text, under the heading `data-hotkey-group`.
// `g` and then the letter of a place goes there; j and k move in lists, also in those that keep few rows in the page.

const help = document.getElementById("help");
const FIELDS = "input:not([type=checkbox], [type=radio], [type=submit], [type=button], [type=file]), textarea, select";
const WAITS = 1500;
let goesUntil = 0;

const isTyping = (element) => element.closest(`${FIELDS}, [contenteditable]:not([contenteditable=false])`) !== null;
const stage = () => [...document.querySelectorAll("dialog[open]")].pop() ?? document;
const list = () => document.querySelector("[data-window]");
const isThere = (element) => !element.disabled && element.getAttribute("aria-disabled") !== "true" && !element.closest("[hidden], template");

function rows() {
  return [...document.querySelectorAll("main a.row")].filter((row) => row.checkVisibility());
}

function move(step, key) {
  const all = rows();
  const window = list();
  const inOther = document.activeElement?.closest("a.row") && !document.activeElement.closest("[data-window]");
  if (window && !inOther) { window.dispatchEvent(new CustomEvent("window:key", { detail: { key } })); return; }
  if (!all.length) return;
  const at = all.indexOf(document.activeElement);
  const next = all[Math.min(Math.max(at + step, 0), all.length - 1)];
  next.focus();
  next.scrollIntoView({ block: "nearest" });
}

function toggle() {
  const row = document.activeElement?.closest("a.row")?.closest("tr, li, [data-row]");
  if (row && !row.closest("[data-window]")) { row.querySelector("input[type=checkbox][data-select]")?.click(); return; }
  list()?.dispatchEvent(new CustomEvent("window:key", { detail: { key: "x" } }));
}

function find(key) {
  const all = [...stage().querySelectorAll(`[data-hotkey="${CSS.escape(key)}"]`)].filter(isThere);
  // What the page itself offers goes before the frame's.
  const seen = all.filter((each) => each.checkVisibility());
  return seen.find((each) => each.closest("main, dialog")) ?? seen[0] ?? all[0];
}

function use(element) {
  if (element.matches("details")) {
    element.open = !element.open;
    (element.open ? element.querySelector(".panel :is(input, select, a, button):not([type=hidden])") : element.querySelector("summary"))?.focus();
    return;
  }
  element.closest("details:not([open])")?.setAttribute("open", "");
  if (element.matches(FIELDS)) { element.focus(); element.select?.(); return; }
  if (element.matches("summary")) element.focus();
  element.click();
}

const wordsOf = (element) =>
  element.dataset.hotkeyWords || element.getAttribute("aria-label") || element.labels?.[0]?.textContent.trim() || element.textContent.trim();

function entry(keys, text) {
  const term = document.createElement("dt");
  for (const key of keys) { const cap = document.createElement("kbd"); cap.textContent = key; term.append(cap, " "); }
  const words = document.createElement("dd");
  words.textContent = text;
  return [term, words];
}

function listKeys() {
  const groups = new Map();
  const seen = new Set();
  for (const element of document.querySelectorAll("[data-hotkey]")) {
    const key = element.dataset.hotkey;
    if (seen.has(key) || !isThere(element) || element.closest("dialog")) continue;
    seen.add(key);
    const group = element.dataset.hotkeyGroup || help.dataset.pageWords;
    groups.set(group, [...(groups.get(group) ?? []), ...entry([key], wordsOf(element))]);
  }
  const place = help.querySelector("[data-keys-here]");
  place.replaceChildren();
  for (const [group, entries] of groups) {
    const head = document.createElement("h3");
    head.textContent = group;
    const keys = document.createElement("dl");
    keys.className = "keys";
    keys.append(...entries);
    const part = document.createElement("section");
    part.append(head, keys);
    place.append(part);
  }
  const hasRows = list() !== null || rows().length > 0;
  for (const part of help.querySelectorAll("[data-keys-lists]")) part.hidden = !hasRows;
}

const actions = {
  "?": () => { if (help && !help.open) { listKeys(); help.showModal(); } },
  j: () => move(1, "j"),
  k: () => move(-1, "k"),
  x: toggle,
  n: () => document.querySelector("[data-new]")?.click(),
  g: () => { goesUntil = Date.now() + WAITS; },
  "[": () => document.querySelector("a[rel=prev]")?.click(),
  "]": () => document.querySelector("a[rel=next]")?.click(),
};
for (const opener of document.querySelectorAll("[data-open=help]")) opener.addEventListener("click", listKeys);

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (isTyping(event.target)) return;
  if (Date.now() < goesUntil && event.key !== "g") {
    goesUntil = 0;
    const place = document.querySelector(`.rail a[data-key="${CSS.escape(event.key)}"]`);
    if (place) { event.preventDefault(); place.click(); }
    return;
  }
  const element = find(event.key);
  if (element) { event.preventDefault(); use(element); return; }
  if (stage() !== document) return;
  const action = actions[event.key];
  if (action) { event.preventDefault(); action(); }
});

// Help on the page that one is on: in a dialog over it. Without this script the link leads to a page with the same words.
const pageHelp = document.getElementById("page-help");
const helpHere = pageHelp?.querySelector("[data-help-here]");

document.addEventListener("click", async (event) => {
  const link = event.target.closest("a[data-page-help]");
  if (!link || !pageHelp || event.ctrlKey || event.metaKey || event.shiftKey || event.button > 0) return;
  event.preventDefault();
  if (!helpHere.childElementCount) {
    const answer = await fetch(link.href, { headers: { "X-Part": "1" } }).catch(() => null);
    if (answer?.status === 401) return;
    if (!answer?.ok) { location.assign(link.href); return; }
    helpHere.innerHTML = await answer.text();
    const name = helpHere.querySelector(".help-name");
    if (name) pageHelp.querySelector("#page-help-title").textContent = name.textContent;
  }
  if (!pageHelp.open) pageHelp.showModal();
});
