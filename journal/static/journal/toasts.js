// What was done is told at the edge of the page and goes by itself; what failed stays until it is closed.
// Other scripts tell by the event "toasts", whose detail is {list: [{words, level, undo}]}.

const region = document.getElementById("toasts");
const pattern = document.getElementById("toast-pattern");
const SECONDS = 6;
const SECONDS_WITH_UNDO = 15;
const MOST = 4;

function stays(toast) {
  return toast.matches(".toast-error, .toast-warning");
}

function arm(toast) {
  if (stays(toast)) return;
  let left = (toast.querySelector("[data-undo]") ? SECONDS_WITH_UNDO : SECONDS) * 1000;
  let since = 0;
  let timer = 0;
  const run = () => { since = Date.now(); timer = setTimeout(() => toast.remove(), left); };
  const hold = () => { clearTimeout(timer); left = Math.max(left - (Date.now() - since), 2000); };
  toast.addEventListener("pointerenter", hold);
  toast.addEventListener("pointerleave", run);
  toast.addEventListener("focusin", hold);
  toast.addEventListener("focusout", run);
  run();
}

function tell({ words, level = "success", undo = "" }) {
  const toast = pattern.content.firstElementChild.cloneNode(true);
  toast.className = `toast toast-${level}`;
  toast.querySelector("[data-toast-words]").textContent = words;
  const form = toast.querySelector("[data-undo]");
  if (undo) {
    form.elements.token.value = undo;
    form.elements.next.value = location.pathname + location.search;
  } else {
    form.remove();
  }
  if (level === "error") [...region.children].find((each) => each.textContent.includes(words))?.remove();
  region.append(toast);
  arm(toast);
  const all = region.querySelectorAll("[data-toast]:not(.toast-error)");
  if (all.length > MOST) all[0].remove();
}

document.addEventListener("toasts", (event) => event.detail.list.forEach(tell));

document.addEventListener("click", (event) => {
  event.target.closest("[data-toast-close]")?.closest("[data-toast]").remove();
});

// A list that reads itself anew keeps its place.
document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!form.matches("[data-undo]") || !document.querySelector("[data-window]")) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  const answer = await fetch(form.action, { method: "POST", body: new FormData(form), headers: { "HX-Request": "true" } })
    .catch(() => null);
  if (answer?.status === 401) return;
  if (!answer?.ok) { form.submit(); return; }
  form.closest("[data-toast]").remove();
  document.dispatchEvent(new CustomEvent("undone"));
}, true);

document.addEventListener("undone", () => {
  for (const list of document.querySelectorAll("[data-window]")) list.dispatchEvent(new CustomEvent("window:reload"));
});

// A live region tells only what is put into it after the page was read.
const there = [...region.children];
region.replaceChildren();
requestAnimationFrame(() => {
  region.append(...there);
  there.forEach(arm);
});
