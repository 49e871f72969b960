// The page comes by itself once the network does; until then it can be asked for.

const again = document.querySelector("[data-again]");
const status = document.querySelector("[data-when-back]");

again.addEventListener("click", (event) => { event.preventDefault(); location.reload(); });
window.addEventListener("online", () => {
  status.textContent = status.dataset.whenBack;
  setTimeout(() => location.reload(), 500);
});
