// The review inbox by keyboard: what the elements' own keys cannot say.

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
  const field = event.target.closest("input, textarea, select");
  if (field) {
    // Out of a field, so that the keys mean trades again.
    if (event.key === "Escape") field.blur();
    return;
  }
  if (document.querySelector("dialog[open]")) return;
  // The space bar does what has the focus; where nothing has, it goes on.
  if (event.key === " " && !event.target.closest("button, a, summary, [tabindex='0']")) {
    const done = document.querySelector("[data-review-done]");
    if (done) { event.preventDefault(); done.click(); }
  }
  if (event.key === "u") {
    const undo = [...document.querySelectorAll("[data-toast] [data-undo] button")].pop();
    if (undo) { event.preventDefault(); undo.click(); }
  }
});

// The rating has the focus: the one that is given, else the first.
document.addEventListener("click", (event) => {
  const place = event.target.closest("[data-review-rating]");
  place?.parentElement.querySelector(".rating [aria-pressed=true], .rating button")?.focus();
});

// The playbooks unfold, and the first of their fields has the focus.
document.addEventListener("click", (event) => {
  const place = event.target.closest("[data-review-playbooks]");
  place?.closest("details").querySelector("input:not([type=hidden]), select, a")?.focus();
});

// What is typed is saved before anything else is done to the trade, or the trade is left.
let saving = null;

async function save(form) {
  const answer = await fetch(form.action, { method: "POST", body: new FormData(form), headers: { "HX-Request": "true" } }).catch(() => null);
  if (!answer?.ok) {
    if (answer?.status !== 401) document.dispatchEvent(new Event("htmx:sendError"));
    return null;
  }
  const html = await answer.text();
  const isKept = !html.includes('id="review-note-changed"') && !answer.headers.get("HX-Trigger")?.includes('"error"');
  if (isKept) form.dispatchEvent(new Event("draft:done", { bubbles: true }));
  return { html, isKept };
}

document.addEventListener("htmx:confirm", async (event) => {
  const form = document.querySelector("form.review-note");
  const area = form?.querySelector("textarea");
  const isOwn = event.target === form;
  if (!area || !event.target.closest("#review") || (!isOwn && area.value === area.defaultValue)) return;
  event.preventDefault();
  saving ??= save(form).finally(() => { saving = null; });
  const saved = await saving;
  if (saved && !isOwn && saved.isKept) event.detail.issueRequest(true);
  else if (saved) window.htmx.swap("#review", saved.html, { swapStyle: "outerHTML" }, { eventInfo: { target: form.closest("#review") } });
});

// A new trade is in hand: who cannot see it hears which.
document.addEventListener("htmx:afterSwap", (event) => {
  const review = document.getElementById("review");
  const { review: id } = review?.querySelector("[data-review]")?.dataset ?? {};
  if (id && id !== document.body.dataset.reviewed && event.detail.target.id === "review") {
    document.getElementById("review-title")?.focus({ preventScroll: true });
  }
  document.body.dataset.reviewed = id ?? "";
});
document.body.dataset.reviewed = document.querySelector("[data-review]")?.dataset.review ?? "";
