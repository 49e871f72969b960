// The account filter: accounts are found while one types, out of any number; what was chosen stays chosen meanwhile.

const form = document.querySelector("[data-account-filter]");

function accountFilter() {
  const menu = form.closest("details");
  const field = form.querySelector("[data-find-accounts]");
  const list = form.querySelector("#account-choices");
  const status = form.querySelector("[data-accounts-status]");
  const all = form.querySelector("[data-choose-all]");
  const none = form.querySelector("[data-choose-none]");
  const set = document.querySelector("[data-account-set]");
  const narrowing = [...form.querySelectorAll("select")];
  const chosen = new Set(form.dataset.chosen ? form.dataset.chosen.split(",") : []);
  const numbers = new Intl.NumberFormat(document.documentElement.lang);
  let found = 0;
  let request = null;
  let typing = 0;

  const wanted = (more = {}) => {
    const query = new URLSearchParams(more);
    if (field.value.trim()) query.set("q", field.value.trim());
    for (const each of narrowing) if (each.value) query.set(each.name, each.value);
    return `${form.dataset.url}?${query}`;
  };

  const show = () => {
    for (const tick of list.querySelectorAll("input[name=account]")) tick.checked = chosen.has(tick.value);
    const words = (text) => text.replace("%found%", numbers.format(found)).replace("%chosen%", numbers.format(chosen.size));
    status.textContent = words(form.dataset.words);
    all.textContent = words(form.dataset.wordsAll);
    all.hidden = found === 0;
    none.hidden = chosen.size === 0;
  };

  const look = async (offset = 0) => {
    request?.abort();
    request = new AbortController();
    const { signal } = request;
    list.setAttribute("aria-busy", "true");
    try {
      const answer = await fetch(wanted({ offset }), { signal });
      if (!answer.ok) return;
      const html = await answer.text();
      if (offset) {
        list.querySelector("[data-more-accounts]")?.remove();
        const last = list.lastElementChild;
        list.insertAdjacentHTML("beforeend", html);
        if (!list.contains(document.activeElement)) last?.nextElementSibling?.querySelector("input")?.focus({ preventScroll: true });
      } else {
        list.innerHTML = html;
        list.scrollTop = 0;
        found = Number(list.querySelector("[data-found-total]")?.dataset.foundTotal ?? 0);
      }
      show();
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      if (!signal.aborted) list.removeAttribute("aria-busy");
    }
  };

  menu.addEventListener("toggle", () => {
    if (!menu.open) return;
    field.focus();
    if (!request) look();
  });
  field.addEventListener("input", () => { clearTimeout(typing); typing = setTimeout(() => look(), 120); });
  for (const each of narrowing) each.addEventListener("change", () => look());

  list.addEventListener("change", (event) => {
    const { value, checked } = event.target;
    chosen[checked ? "add" : "delete"](value);
    show();
  });
  list.addEventListener("click", (event) => {
    const more = event.target.closest("[data-more-accounts]");
    if (more) look(Number(more.dataset.moreAccounts));
  });
  all.addEventListener("click", async () => {
    const answer = await fetch(wanted({ ids: 1 }));
    if (!answer.ok) return;
    for (const id of (await answer.json()).ids) chosen.add(id);
    show();
    form.querySelector("[type=submit]").focus();
  });
  none.addEventListener("click", () => { chosen.clear(); show(); field.focus(); });

  form.addEventListener("keydown", (event) => {
    if (event.target.matches("select")) return;
    const ticks = [...list.querySelectorAll("input, [data-more-accounts]")];
    const at = ticks.indexOf(document.activeElement);
    if (event.key === "ArrowDown") (ticks[at + 1] ?? ticks[at])?.focus();
    else if (event.key === "ArrowUp") (at > 0 ? ticks[at - 1] : field).focus();
    else if (event.key === "Enter" && event.target.matches("[type=checkbox]")) form.requestSubmit();
    else if (event.key === "Enter" && event.target === field) {
      // One name typed and Enter pressed means that account.
      if (chosen.size === 0 && found === 1 && ticks[0]?.value) chosen.add(ticks[0].value);
      form.requestSubmit();
    } else return;
    event.preventDefault();
  });

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (chosen.size > Number(form.dataset.most)) {
      set.elements.accounts.value = [...chosen].join(",");
      for (const each of narrowing) set.elements[each.name].value = each.value;
      set.submit();
      return;
    }
    const query = new URLSearchParams();
    for (const [name, value] of new FormData(form)) if (value && name !== "account") query.append(name, value);
    for (const id of chosen) query.append("account", id);
    location.assign(query.size ? `${form.getAttribute("action")}?${query}` : form.getAttribute("action"));
  });
}

if (form) accountFilter();
