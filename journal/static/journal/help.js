// Help on the page that one is on: in a dialog over it. Without this script the link leads to a page with the same words.
const dialog = document.getElementById("page-help");
const place = dialog?.querySelector("[data-help-here]");

document.addEventListener("click", async (event) => {
  const link = event.target.closest("a[data-page-help]");
  if (!link || !dialog || event.ctrlKey || event.metaKey || event.shiftKey || event.button > 0) return;
  event.preventDefault();
  if (!place.childElementCount) {
    const answer = await fetch(link.href, { headers: { "X-Part": "1" } }).catch(() => null);
    if (answer?.status === 401) return;
    if (!answer?.ok) { location.assign(link.href); return; }
    place.innerHTML = await answer.text();
    const name = place.querySelector(".help-name");
    if (name) dialog.querySelector("#page-help-title").textContent = name.textContent;
  }
  if (!dialog.open) dialog.showModal();
});
