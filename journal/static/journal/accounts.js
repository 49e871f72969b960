// The list of accounts: acts of one row, the address that follows the filters, choices of thousands in one field.

document.documentElement.classList.add("has-script");

// ------------------------------------------------------------ acts of one row
function openActs(button) {
  const menu = document.getElementById("account-acts");
  const row = button.closest("tr");
  if (!menu || !row) return;
  const { id } = row.dataset;
  const to = (each) => each.dataset.to.replace("00000000-0000-0000-0000-000000000000", id);
  for (const each of menu.querySelectorAll("a")) each.href = to(each);
  for (const each of menu.querySelectorAll("form")) {
    each.action = to(each);
    each.hidden = (each.dataset.when === "archived") !== ("archived" in row.dataset);
  }
  menu.showPopover();
  const at = button.getBoundingClientRect();
  const top = at.bottom + menu.offsetHeight > innerHeight ? at.top - menu.offsetHeight : at.bottom;
  menu.style.insetBlockStart = `${Math.max(8, top)}px`;
  menu.style.insetInlineStart = `${Math.max(8, at.right - menu.offsetWidth)}px`;
  menu.querySelector("a, button")?.focus();
  menu.addEventListener("toggle", (event) => { if (event.newState === "closed" && menu.contains(document.activeElement)) button.focus(); }, { once: true });
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-acts]");
  if (button) { event.preventDefault(); openActs(button); }
});

document.addEventListener("keydown", (event) => {
  const menu = event.target.closest?.(".row-acts");
  if (!menu || !["ArrowDown", "ArrowUp"].includes(event.key)) return;
  event.preventDefault();
  const all = [...menu.querySelectorAll("a, button")].filter((each) => each.offsetParent !== null);
  const step = event.key === "ArrowDown" ? 1 : -1;
  all[(all.indexOf(document.activeElement) + step + all.length) % all.length]?.focus();
});

// ------------------------------------------------------------ filters
document.addEventListener("htmx:afterSwap", (event) => {
  if (event.detail.target.id !== "account-region") return;
  const asked = new URL(event.detail.pathInfo.responsePath ?? event.detail.pathInfo.requestPath, location.href);
  for (const [name, value] of [...asked.searchParams]) if (value === "") asked.searchParams.delete(name);
  history.replaceState(history.state, "", asked.pathname + asked.search);
  const order = document.getElementById("account-order");
  if (order) order.value = asked.searchParams.get("order") ?? "name";
});

// What was taken back is seen at once.
document.addEventListener("undone", () => {
  for (const box of document.querySelectorAll("[data-window]")) box.dispatchEvent(new CustomEvent("window:reload"));
});

// ------------------------------------------------------------ thousands of chosen rows in one field
document.addEventListener("formdata", (event) => {
  if (!event.target.matches("form[data-window-act]")) return;
  for (const name of ["id", "except"]) {
    const all = event.formData.getAll(name);
    if (all.length > 100) event.formData.set(name, all.join(","));
  }
});
