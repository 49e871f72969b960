// Keys: `/` finds, `g` and a letter goes, `j` and `k` move in a list, `[` and `]` turn pages, `?` lists them.

const help = document.getElementById("help");
let goesUntil = 0;

const isTyping = (element) => element.closest("input, textarea, select, [contenteditable]") !== null;
const rows = () => [...document.querySelectorAll("a.row")].filter((row) => row.offsetParent !== null);

function move(step) {
  const all = rows();
  if (!all.length) return;
  const at = all.indexOf(document.activeElement);
  const next = all[Math.min(Math.max(at + step, 0), all.length - 1)];
  next.focus();
  next.scrollIntoView({ block: "nearest" });
}

const follow = (selector) => document.querySelector(selector)?.click();

const actions = {
  "/": () => document.querySelector("[data-search]")?.focus(),
  "?": () => help?.showModal(),
  j: () => move(1),
  k: () => move(-1),
  n: () => follow("[data-new]"),
  "[": () => follow("a[rel=prev]"),
  "]": () => follow("a[rel=next]"),
  g: () => { goesUntil = Date.now() + 1500; },
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target) || help?.open) return;
  if (Date.now() < goesUntil && event.key !== "g") {
    goesUntil = 0;
    const place = document.querySelector(`.rail a[data-key="${CSS.escape(event.key)}"]`);
    if (place) { event.preventDefault(); place.click(); }
    return;
  }
  const action = actions[event.key];
  if (action) { event.preventDefault(); action(); }
});
