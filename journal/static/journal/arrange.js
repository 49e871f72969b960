// Panels are dragged to their places; without a pointer their buttons do the same.

let dragged = null;

const form = () => document.querySelector("[data-arrangement]");
const item = (event) => event.target.closest?.(".arranged[draggable]");

document.addEventListener("dragstart", (event) => {
  dragged = item(event);
  dragged?.classList.add("is-dragged");
  if (dragged) event.dataTransfer.effectAllowed = "move";
});

document.addEventListener("dragover", (event) => {
  const over = item(event);
  if (!dragged || !over) return;
  event.preventDefault();
  for (const each of document.querySelectorAll(".is-over")) each.classList.remove("is-over");
  if (over !== dragged) over.classList.add("is-over");
});

document.addEventListener("drop", (event) => {
  const over = item(event);
  if (!dragged || !over || over === dragged) return;
  event.preventDefault();
  const all = [...over.parentElement.children];
  if (all.indexOf(dragged) < all.indexOf(over)) over.after(dragged);
  else over.before(dragged);
  const order = form().querySelector("input[name=order]");
  order.disabled = false;
  order.value = [...over.parentElement.children].map((each) => each.dataset.name).join(",");
  form().requestSubmit();
});

document.addEventListener("dragend", () => {
  for (const each of document.querySelectorAll(".is-over, .is-dragged")) each.classList.remove("is-over", "is-dragged");
  dragged = null;
});

// After the answer the button that was pressed has the focus again, or its neighbour where it is gone.
let pressed = "";
document.addEventListener("click", (event) => {
  const button = event.target.closest?.("[data-arrangement] button");
  if (button) pressed = button.id;
});
document.addEventListener("htmx:afterSettle", () => {
  if (!pressed) return;
  const name = pressed.slice(pressed.indexOf("-") + 1);
  const places = [pressed, `up-${name}`, `down-${name}`, `hide-${name}`, `show-${name}`, "reset"];
  places.map((id) => document.getElementById(id)).find((each) => each && !each.disabled)?.focus();
  pressed = "";
});
