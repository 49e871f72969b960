// `/` opens a list of all that has a name: pages at once, the rest while one types.

const palette = document.getElementById("palette");

function searchPalette() {
  const field = palette.querySelector("input");
  const list = palette.querySelector("[role=listbox]");
  const status = palette.querySelector("[role=status]");
  let request = null;
  let typing = 0;
  let shown = null;

  const options = () => [...list.querySelectorAll("[role=option]")];

  const point = (option) => {
    for (const each of options()) each.setAttribute("aria-selected", String(each === option));
    if (option) { field.setAttribute("aria-activedescendant", option.id); option.scrollIntoView({ block: "nearest" }); }
    else field.removeAttribute("aria-activedescendant");
  };

  const current = () => list.querySelector("[aria-selected=true]");

  const look = async () => {
    const text = field.value.trim();
    if (text === shown) return;
    request?.abort();
    request = new AbortController();
    const { signal } = request;
    try {
      const query = new URLSearchParams(location.search);
      query.set("q", text);
      const answer = await fetch(`${palette.dataset.url}?${query}`, { signal, headers: { "HX-Request": "true" } });
      if (!answer.ok) return;
      list.innerHTML = await answer.text();
      shown = text;
      list.scrollTop = 0;
      const all = options();
      point(all[0]);
      status.textContent = status.dataset.words.replace("%count%", all.filter((each) => each.id !== "found-all").length);
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  };

  const open = (text) => {
    if (palette.open) return;
    document.querySelectorAll("details.menu[open]").forEach((menu) => { menu.open = false; });
    field.value = text;
    shown = null;
    palette.showModal();
    field.focus();
    field.select();
    look();
  };

  field.addEventListener("input", () => { clearTimeout(typing); typing = setTimeout(look, 100); });
  field.addEventListener("keydown", (event) => {
    const all = options();
    const at = all.indexOf(current());
    if (event.key === "ArrowDown") point(all[(at + 1) % all.length]);
    else if (event.key === "ArrowUp") point(all[(at - 1 + all.length) % all.length]);
    else if (event.key === "Enter") {
      const option = current();
      // What was typed last may not have been answered yet.
      if (field.value.trim() !== shown) { clearTimeout(typing); look().then(() => current()?.click()); }
      else if (event.ctrlKey || event.metaKey) window.open(option?.href, "_blank", "noopener");
      else option?.click();
    } else return;
    event.preventDefault();
  });
  list.addEventListener("pointermove", (event) => {
    const option = event.target.closest("[role=option]");
    if (option && option !== current()) point(option);
  });

  for (const opener of document.querySelectorAll("[data-opens-palette]")) {
    const own = opener.querySelector("input");
    own.addEventListener("focus", () => { own.blur(); open(own.value); });
  }
  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && !event.altKey && event.key === "k") { event.preventDefault(); open(""); }
  });
}

if (palette) searchPalette();
