// The desk: tables that read themselves anew, and a ticket that shows only the fields that its type has.

// Nothing is replaced under somebody's hands: neither what has the focus nor what is being asked about.
document.addEventListener("htmx:beforeRequest", (event) => {
  const table = event.target.closest("[data-polls]");
  if (!table || event.target !== table) return;
  const isBusy = table.contains(document.activeElement) || document.querySelector("dialog[open]") || document.hidden;
  if (isBusy || table.querySelector("form[aria-busy]")) event.preventDefault();
});
// The focus may have come while the answer was on its way.
document.addEventListener("htmx:beforeSwap", (event) => {
  const table = event.target.closest("[data-polls]");
  if (!table || event.target !== table) return;
  if (table.contains(document.activeElement) || document.querySelector("dialog[open]")) event.detail.shouldSwap = false;
});

const ticket = document.querySelector("form[data-ticket]");

function show() {
  const { type, order_class: brings } = ticket.elements;
  for (const field of ticket.querySelectorAll("[data-of]")) {
    const chosen = field.dataset.by === "type" ? type.value : brings.value;
    const isThere = field.dataset.of.split(" ").includes(chosen);
    field.hidden = !isThere;
    // What is not shown is not sent.
    for (const input of field.querySelectorAll("input")) input.disabled = !isThere;
  }
  const exits = ticket.querySelector("[data-exits]");
  if (exits) exits.hidden = [...exits.querySelectorAll("[data-of]")].every((field) => field.hidden);
}

if (ticket) {
  show();
  ticket.addEventListener("change", show);
  window.addEventListener("pageshow", show);
  document.addEventListener("htmx:afterSettle", () => {
    for (const error of ticket.querySelectorAll(".field-error[id]")) {
      const input = ticket.elements[error.id.replace("error-", "")];
      const isWrong = error.textContent.trim() !== "";
      if (!(input instanceof HTMLElement)) continue;
      if (isWrong) input.setAttribute("aria-invalid", "true");
      else input.removeAttribute("aria-invalid");
      error.closest(".field")?.classList.toggle("field-wrong", isWrong);
    }
  });
}
