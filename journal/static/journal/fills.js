// Rows of fills are added without asking the server; leaving one out hides it. Without this script, the button
// asks the server for more rows.

const table = document.querySelector("[data-fills]");
const pattern = document.getElementById("empty-fill");
const total = document.querySelector("input[name$=TOTAL_FORMS]");

document.querySelector("[data-more-fills]")?.addEventListener("click", (event) => {
  event.preventDefault();
  const number = Number(total.value);
  const holder = document.createElement("tbody");
  holder.innerHTML = pattern.innerHTML.replaceAll("__prefix__", String(number));
  const row = holder.firstElementChild;
  table.tBodies[0].append(row);
  total.value = String(number + 1);
  row.querySelector("select, input").focus();
});

table?.addEventListener("change", (event) => {
  if (event.target.name?.endsWith("-DELETE")) {
    event.target.closest("[data-fill]").classList.toggle("is-left-out", event.target.checked);
  }
});
