// Menus close by themselves, the theme switches without a page load, forms say that they have begun.

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

// htmx asks by the same dialog.
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

const root = document.documentElement;
const dark = window.matchMedia("(prefers-color-scheme: dark)");

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

window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[aria-busy]")) form.removeAttribute("aria-busy");
});

dark.addEventListener("change", () => document.dispatchEvent(new CustomEvent("themechange")));

// Names of accounts are offered while one types; there may be thousands, so that the server picks a few.
const names = document.querySelector("datalist[data-names]");
let asked = 0;
if (names) {
  document.addEventListener("input", (event) => {
    if (event.target.getAttribute("list") !== names.id) return;
    clearTimeout(asked);
    asked = setTimeout(async () => {
      const answer = await fetch(`${names.dataset.names}&q=${encodeURIComponent(event.target.value)}`);
      if (answer.ok) names.innerHTML = await answer.text();
    }, 120);
  });
}

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
