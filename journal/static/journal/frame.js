// Menus close by themselves, the theme switches without a page load, forms say that they have begun.

// Whoever was signed out meanwhile is told so, and nothing of their page is replaced: the server answers scripts with 401.
const root = document.documentElement;
const { fetch: ask } = window;
window.fetch = async (address, options = {}) => {
  const answer = await ask(address, { ...options, headers: { "X-Requested-With": "fetch", ...options.headers } });
  if (answer.status === 401) signedOut();
  const told = answer.headers.get("HX-Trigger");
  const { toasts } = told?.startsWith("{") ? JSON.parse(told) : {};
  if (toasts) document.dispatchEvent(new CustomEvent("toasts", { detail: toasts }));
  return answer;
};
document.addEventListener("signedout", (event) => signedOut(event.detail?.leaves));

function signedOut(leaves) {
  const toast = document.getElementById("signed-out")?.content.firstElementChild.cloneNode(true);
  if (!toast) return;
  try { localStorage.removeItem("signed-in"); } catch { /* It was not kept. */ }
  const link = toast.querySelector("a");
  const next = encodeURIComponent(location.pathname + location.search);
  const address = `${link.getAttribute("href")}?kept=1&next=${next}`;
  link.setAttribute("href", address);
  if (leaves) location.assign(address);
  else if (!document.querySelector("[data-signed-out]")) document.getElementById("toasts").append(toast);
}

// Who comes back from signing in elsewhere goes on here, unless it was somebody else who signed in.
try { if (root.dataset.person) localStorage.setItem("signed-in", root.dataset.person); } catch { /* It will be told again. */ }
document.addEventListener("visibilitychange", () => {
  const told = document.querySelector("[data-signed-out]");
  const token = /(?:^|; )csrftoken=([^;]+)/.exec(document.cookie)?.[1];
  if (document.hidden || !told || !token || localStorage.getItem("signed-in") !== root.dataset.person) return;
  told.remove();
  for (const field of document.querySelectorAll("[name=csrfmiddlewaretoken]")) field.value = token;
  document.body.setAttribute("hx-headers", JSON.stringify({ "X-CSRFToken": token }));
});

document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
  const opener = event.target.closest("[data-open]");
  if (opener) document.getElementById(opener.dataset.open)?.showModal();
  if (event.target.matches("dialog")) event.target.close("");
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    menu.open = false;
    menu.querySelector("summary")?.focus();
  }
});

// What cannot be taken back is asked for first, in the words of its consequence.
const question = document.getElementById("confirm");
let asking = null;

document.addEventListener("submit", (event) => {
  const { submitter } = event;
  const form = event.target;
  const source = submitter?.dataset.confirm ? submitter : form;
  if (!source.dataset.confirm || form.dataset.isConfirmed) { delete form.dataset.isConfirmed; return; }
  event.preventDefault();
  event.stopImmediatePropagation();
  asking = { form, submitter, from: document.activeElement };
  question.querySelector("#confirm-words").textContent = source.dataset.confirm;
  const yes = question.querySelector("[data-confirm-yes]");
  yes.textContent = source.dataset.confirmButton || yes.dataset.words;
  question.returnValue = "";
  question.showModal();
}, true);

question?.addEventListener("close", () => {
  const { form, submitter, from } = asking ?? {};
  asking = null;
  if (!form) return;
  if (question.returnValue !== "yes") { from?.focus(); return; }
  form.dataset.isConfirmed = "yes";
  form.requestSubmit(submitter ?? undefined);
});

document.addEventListener("htmx:confirm", (event) => {
  if (!event.detail.question) return;
  event.preventDefault();
  question.querySelector("#confirm-words").textContent = event.detail.question;
  const yes = question.querySelector("[data-confirm-yes]");
  yes.textContent = event.target.dataset.confirmButton || yes.dataset.words;
  question.returnValue = "";
  question.showModal();
  question.addEventListener("close", () => {
    if (question.returnValue === "yes") event.detail.issueRequest(true);
  }, { once: true });
});

const dark = window.matchMedia("(prefers-color-scheme: dark)");

// A switch of the frame shows at once and is kept on the way.
document.addEventListener("submit", (event) => {
  const form = event.target.closest("[data-switch]");
  if (!form) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  const [off, on] = form.dataset.values.split(" ");
  const value = root.dataset[form.dataset.switch] === on ? off : on;
  root.dataset[form.dataset.switch] = value;
  const button = form.querySelector("button");
  button.setAttribute("aria-pressed", String(value === on));
  button.value = value === on ? off : on;
  const body = new FormData(form);
  body.set("value", value);
  fetch(form.action, { method: "POST", body, headers: { "HX-Request": "true" }, keepalive: true });
  window.dispatchEvent(new Event("resize"));
}, true);

// On a phone the list of pages slides over the page, takes the focus and gives it back.
const rail = document.getElementById("rail");
let railOpener = null;

function closeRail() {
  if (!rail?.classList.contains("is-open")) return;
  rail.classList.remove("is-open");
  document.querySelector(".page")?.removeAttribute("inert");
  railOpener?.focus();
}

document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-opens-rail]");
  if (opener) {
    event.preventDefault();
    railOpener = opener;
    rail.classList.add("is-open");
    document.querySelector(".page").inert = true;
    rail.querySelector("a.place")?.focus();
  } else if (rail?.classList.contains("is-open") && (!rail.contains(event.target) || event.target.closest(".rail-close"))) {
    event.preventDefault();
    closeRail();
  }
});
document.addEventListener("keydown", (event) => { if (event.key === "Escape") closeRail(); });

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented) return;
  if (form.matches("[data-theme-form]")) {
    event.preventDefault();
    const isDark = root.dataset.theme === "dark" || (root.dataset.theme !== "light" && dark.matches);
    const theme = isDark ? "light" : "dark";
    root.dataset.theme = theme;
    document.dispatchEvent(new CustomEvent("themechange"));
    const body = new FormData(form);
    body.set("theme", theme);
    fetch(form.action, { method: "POST", body, redirect: "manual" });
    return;
  }
  if (form.method === "post" && !form.hasAttribute("hx-post")) {
    // A second click must not send it twice; coming back to the page must find it usable again.
    if (form.getAttribute("aria-busy") === "true") event.preventDefault();
    form.setAttribute("aria-busy", "true");
  }
});

// What a filter leaves open does not stand in the address.
document.addEventListener("formdata", ({ target, formData }) => {
  if (!target.matches(".filters")) return;
  for (const name of new Set(formData.keys())) if (!formData.getAll(name).some(Boolean)) formData.delete(name);
});

window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[aria-busy]")) form.removeAttribute("aria-busy");
});

dark.addEventListener("change", () => document.dispatchEvent(new CustomEvent("themechange")));

// Names are offered while one types; there may be thousands, so that the server picks a few.
let asked = 0;
document.addEventListener("input", (event) => {
  const names = event.target.list;
  if (!names?.dataset.names) return;
  clearTimeout(asked);
  asked = setTimeout(async () => {
    const answer = await fetch(`${names.dataset.names}&q=${encodeURIComponent(event.target.value)}`);
    if (answer.ok) names.innerHTML = await answer.text();
  }, 120);
});

// A file may be dropped anywhere on a page that takes one.
const drop = document.querySelector("form[data-drop]");
if (drop) {
  const field = drop.querySelector("input[type=file]");
  let depth = 0;
  const show = (change) => {
    depth = Math.max(0, depth + change);
    document.body.classList.toggle("is-dropping", depth > 0);
  };
  window.addEventListener("dragenter", (event) => { event.preventDefault(); show(1); });
  window.addEventListener("dragleave", () => show(-1));
  window.addEventListener("dragover", (event) => event.preventDefault());
  window.addEventListener("drop", (event) => {
    event.preventDefault();
    show(-depth);
    if (!event.dataTransfer.files.length) return;
    field.files = event.dataTransfer.files;
    drop.requestSubmit();
  });
  drop.addEventListener("submit", () => {
    drop.querySelector("[data-begun]").hidden = false;
  });
}

// What htmx replaced may have held the focus; it goes to the new part, not to the top of the page.
let focusedBefore = null;
document.addEventListener("htmx:beforeSwap", (event) => {
  const { target } = event.detail;
  const active = document.activeElement;
  focusedBefore = target?.contains(active) ? { target, id: active.id, name: active.name } : null;
});
document.addEventListener("htmx:afterSettle", (event) => {
  if (!focusedBefore || (document.activeElement && document.activeElement !== document.body)) { focusedBefore = null; return; }
  const part = focusedBefore.target.isConnected ? focusedBefore.target : event.detail.elt;
  const again = (focusedBefore.id && document.getElementById(focusedBefore.id)) || part.querySelector("[autofocus], h1, h2, a, button, input:not([type=hidden])") || part;
  focusedBefore = null;
  if (!again.matches("a, button, input, select, textarea, [tabindex]")) again.tabIndex = -1;
  again.focus({ preventScroll: true });
});
document.addEventListener("htmx:sendError", () => offline());
document.addEventListener("htmx:responseError", (event) => {
  const { away, failed } = root.dataset;
  const { status } = event.detail.xhr;
  if (status === 401) signedOut();
  else if (status === 503 && away) tell(away);
  else if ((status === 403 || status >= 500) && failed) tell(failed);
});

function tell(words) {
  document.dispatchEvent(new CustomEvent("toasts", { detail: { list: [{ words, level: "error" }] } }));
}

function offline() {
  if (root.dataset.offline) tell(root.dataset.offline);
}

// Only what is the same for everybody is kept by the browser: styles, scripts, and the page for who is offline.
if ("serviceWorker" in navigator && root.dataset.worker && window.isSecureContext) {
  navigator.serviceWorker.register(root.dataset.worker, { scope: "/" }).catch(() => {});
}
document.addEventListener("submit", (event) => {
  if (!event.target.matches("[data-logout]")) return;
  try { sessionStorage.clear(); localStorage.clear(); } catch { /* Nothing was kept. */ }
  navigator.serviceWorker?.controller?.postMessage("clear");
}, true);

// Who signs up need not look for their zone; without this it is UTC, and can be chosen.
for (const list of document.querySelectorAll("[data-zone]")) {
  const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
  if (list.value === "UTC" && [...list.options].some((option) => option.value === timeZone)) list.value = timeZone;
}
