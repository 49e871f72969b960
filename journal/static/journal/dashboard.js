// Panels of the dashboard: what a figure means opens beside it, a panel that failed offers to try again, and days of a
// calendar are walked with the arrow keys. Every word comes from the page.

document.addEventListener("click", (event) => {
  const about = event.target.closest("a[data-about]");
  if (about && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
    const dialog = document.getElementById(about.dataset.about);
    if (dialog) { event.preventDefault(); dialog.showModal(); }
    return;
  }
  const retry = event.target.closest("[data-retry]");
  if (retry) {
    const panel = retry.closest("[data-panel]");
    panel.querySelector(".panel-failed")?.replaceChildren();
    panel.setAttribute("aria-busy", "true");
    panel.dispatchEvent(new CustomEvent("retry"));
  }
});

function failed(event) {
  const panel = event.detail.elt?.closest?.("[data-panel]");
  const pattern = document.getElementById("panel-failed");
  if (!panel || !pattern || event.detail.elt !== panel) return;
  panel.removeAttribute("aria-busy");
  panel.querySelector("[data-waits]")?.remove();
  panel.querySelector(".panel-failed")?.remove();
  panel.append(pattern.content.cloneNode(true));
}
for (const name of ["htmx:responseError", "htmx:sendError", "htmx:timeout"]) document.addEventListener(name, failed);

// Of the days of a month one can be reached by Tab; the arrows move on from it.
const STEPS = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -7, ArrowDown: 7 };

function prepare(month) {
  const days = [...month.querySelectorAll("[data-day]")];
  for (const day of days) day.tabIndex = -1;
  const inside = days.filter((day) => !day.classList.contains("outside"));
  const first = inside.find((day) => day.classList.contains("is-today")) ?? inside[0];
  if (first) first.tabIndex = 0;
}
const prepareAll = () => document.querySelectorAll("[data-month]").forEach(prepare);

let isTurning = false;

document.addEventListener("keydown", (event) => {
  const day = event.target.closest?.("[data-month] [data-day]");
  if (!day || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "PageUp" || event.key === "PageDown") {
    const turn = day.closest("section, main").querySelector(`[data-turns="${event.key === "PageUp" ? -1 : 1}"]`);
    if (turn) { event.preventDefault(); isTurning = true; sessionStorage.setItem("calendar-turned", "1"); turn.click(); }
    return;
  }
  const days = [...day.closest("[data-month]").querySelectorAll("[data-day]")];
  const at = days.indexOf(day);
  const to = event.key === "Home" ? 0 : event.key === "End" ? days.length - 1 : event.key in STEPS ? at + STEPS[event.key] : null;
  if (to === null) return;
  event.preventDefault();
  const next = days[to];
  if (next) { day.tabIndex = -1; next.tabIndex = 0; next.focus(); }
});

function arrive() {
  prepareAll();
  if (isTurning || sessionStorage.getItem("calendar-turned")) {
    sessionStorage.removeItem("calendar-turned");
    isTurning = false;
    document.querySelector("[data-month] [data-day][tabindex='0']")?.focus();
  }
}
arrive();
document.addEventListener("htmx:afterSettle", arrive);
