// The list of trades after an act on many of them: the table reads itself anew, and so do its sums.

const box = document.getElementById("trades");

async function readAnew() {
  const answer = await fetch(window.location.href);
  if (!answer.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  const sums = fresh.getElementById("trade-sums");
  const old = document.getElementById("trade-sums");
  if (sums && old) {
    // The place in the list is the window's own to say.
    const place = old.querySelector("[data-window-shown]");
    const new_place = sums.querySelector("[data-window-shown]");
    if (place && new_place) new_place.textContent = place.textContent;
    old.replaceWith(sums);
  }
  const all = document.querySelector("[data-window-all]");
  if (all) all.textContent = fresh.querySelector("[data-window-all]")?.textContent ?? "";
  const total = Number(fresh.getElementById("trades")?.dataset.windowTotal ?? 0);
  box?.dispatchEvent(new CustomEvent("window:reload", { detail: { total } }));
}

document.addEventListener("trades:changed", () => {
  box?.dispatchEvent(new CustomEvent("window:clear"));
  readAnew();
});
document.addEventListener("undone", readAnew);
