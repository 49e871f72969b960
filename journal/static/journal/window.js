// A table of any length with a constant number of rows in the page.
//
//   <div class="window" id="trades" data-window data-window-url="/trades/rows/?symbol=AAPL" data-window-total="1000000"
//        data-window-row-height="36" data-window-page="100" aria-label="Trades">
//     <table class="table"><thead>…</thead><tbody>the first page of rows, each <tr data-id="…"></tbody></table>
//   </div>
//
// `{url}&offset=K&limit=100` answers rows as HTML, with the header X-Total. A row's link is `a.row`, its box for
// choosing it `input[type=checkbox][data-select]`, the box in the head `[data-select-all]`.
// Events taken: `window:reload` ({url, total}: both may be left out), `window:go` ({index}), `window:key` ({key}),
// `window:clear`, `window:all`. Sent, bubbling: `window:selection` ({count, all, ids, except}), `window:loaded` ({total}).
// Around it, in the nearest [data-window-scope]: [data-window-bar] is shown while rows are chosen, [data-window-count]
// holds how many, [data-window-all] chooses all that match, [data-window-clear] none, [data-window-shown] says which
// rows are in sight. A <form data-window-act> there sends `id` for each chosen row, or `all=1` with `except`.
// Words come from #window-words, which every page has.

// Browsers clip what is taller than 17 to 33 million pixels; past this height the scrollbar is scaled.
const TALLEST = 8_000_000;
const PAGES_KEPT = 30;
const OVERSCAN = 8;
const SETTLE = 40;
const RETRY_AFTER = [400, 1500];
const words = document.getElementById("window-words")?.dataset ?? {};
const numbers = new Intl.NumberFormat(document.documentElement.lang || "en");
const say = (text, values) => (text || "").replace(/%(\w+)%/g, (_, name) => values[name] ?? "");
const wait = (time) => new Promise((done) => { setTimeout(done, time); });

const isComingBack = ["back_forward", "reload"].includes(performance.getEntriesByType("navigation")[0]?.type);

class RowWindow {
  constructor(box) {
    this.box = box;
    this.table = box.querySelector("table");
    this.body = this.table.tBodies[0];
    this.url = box.dataset.windowUrl;
    this.size = Number(box.dataset.windowPage) || 100;
    this.total = Number(box.dataset.windowTotal) || 0;
    this.row = Number(box.dataset.windowRowHeight) || 36;
    this.pages = new Map();     // number -> rows, in the order of their last use
    this.before = new Map();    // what is shown until it was read anew
    this.asked = new Map();     // number -> AbortController
    this.shown = new Map();     // index -> row in the page
    this.offset = 0;            // what the scaled scrollbar leaves out: place = scrollTop + offset
    this.last = 0;
    this.failed = new Set();
    this.active = -1;
    this.anchor = -1;
    this.generation = 0;
    this.chosen = { all: false, ids: new Set(), except: new Set() };
    this.scope = box.closest("[data-window-scope]") ?? document;
    this.build();
    this.listen();
    this.restore();
    this.draw();
    this.report();
  }

  // ------------------------------------------------------------ what it consists of

  build() {
    const { box, table } = this;
    box.id ||= "window";
    const label = box.getAttribute("aria-label");
    // The rows belong to the table, so that it is the grid; a grid must own them without a table in between.
    for (const name of ["role", "tabindex", "aria-rowcount", "aria-label"]) box.removeAttribute(name);
    table.setAttribute("role", "grid");
    table.tabIndex = 0;
    if (label) table.setAttribute("aria-label", label);
    if (table.querySelector("[data-select], [data-select-all]")) table.setAttribute("aria-multiselectable", "true");
    this.sizer = document.createElement("div");
    this.sizer.className = "window-sizer";
    this.sizer.setAttribute("aria-hidden", "true");
    box.append(this.sizer);
    this.status = document.createElement("p");
    this.status.className = "visually-hidden";
    this.status.setAttribute("role", "status");
    box.after(this.status);
    this.trouble = document.createElement("div");
    this.trouble.className = "window-trouble";
    this.trouble.setAttribute("role", "alert");
    this.trouble.hidden = true;
    box.after(this.trouble);
    const first = [...this.body.rows];
    if (first.length) {
      const { height } = first[0].getBoundingClientRect();
      if (height > 8) this.row = height;
      first.forEach((row, place) => this.dress(row, place));
      this.pages.set(0, first);
      first.forEach((row, place) => this.shown.set(place, row));
    }
    // What every row inherits has them all styled anew: it is set only where it is not what the styles say.
    if (this.row !== Number(box.dataset.windowRowHeight) || !first.length) box.style.setProperty("--window-row", `${this.row}px`);
    box.classList.add("is-live");
    this.columns = Math.max(1, [...(this.table.tHead?.rows[0]?.cells ?? [])].reduce((n, cell) => n + cell.colSpan, 0));
    this.measure();
    this.keepWidths();
  }

  measure() {
    this.head = this.table.tHead?.offsetHeight ?? 0;
    this.sight = Math.max(this.row, this.box.clientHeight - this.head);
    this.full = this.total * this.row;
    this.tall = Math.min(this.full, TALLEST);
    this.sizer.style.height = `${this.tall + this.head}px`;
    this.table.setAttribute("aria-rowcount", String(this.total + 1));
    this.end = Math.max(0, this.full - this.sight);
    this.scrollEnd = Math.max(0, this.tall - this.sight);
    this.ratio = this.scrollEnd ? this.end / this.scrollEnd : 1;
  }

  listen() {
    const { box, table } = this;
    let drawing = 0;
    box.addEventListener("scroll", () => {
      this.scrolled();
      drawing ||= requestAnimationFrame(() => { drawing = 0; this.draw(); });
    }, { passive: true });
    table.addEventListener("keydown", (event) => this.pressed(event));
    table.addEventListener("click", (event) => this.clicked(event));
    table.addEventListener("focus", () => { if (this.active < 0 && this.total) this.activate(this.firstInSight()); });
    table.addEventListener("focusin", (event) => {
      const row = event.target.closest("tbody tr");
      if (row && row.dataset.index) this.activate(Number(row.dataset.index), { follow: false });
    });
    box.addEventListener("window:reload", (event) => this.reload(event.detail ?? {}));
    box.addEventListener("window:go", (event) => { this.activate(event.detail.index, { place: "center" }); table.focus({ preventScroll: true }); });
    box.addEventListener("window:key", (event) => { this.key(event.detail.key, event.detail); });
    box.addEventListener("window:clear", () => this.choose("none"));
    box.addEventListener("window:all", () => this.choose("all"));
    new ResizeObserver(() => this.resized()).observe(box);
    this.scope.addEventListener("click", (event) => {
      if (event.target.closest("[data-window-all]")) this.choose("all");
      if (event.target.closest("[data-window-clear]")) { this.choose("none"); table.focus({ preventScroll: true }); }
    });
    this.scope.addEventListener("formdata", (event) => {
      if (event.target.matches("form[data-window-act]")) this.send(event.formData);
    });
    window.addEventListener("pagehide", () => this.keep());
  }

  // ------------------------------------------------------------ where one is

  get place() {
    return this.within(this.box.scrollTop + this.offset);
  }

  within(place) {
    return Math.min(Math.max(0, place), this.end);
  }

  scrolled() {
    const top = this.box.scrollTop;
    const step = top - this.last;
    this.last = top;
    if (this.ratio !== 1) {
      // A turn of the wheel moves by its own length; a pull at the scrollbar jumps to that part of the whole.
      if (Math.abs(step) > this.sight * 2) this.offset = top * this.ratio - top;
      clearTimeout(this.settling);
      this.settling = setTimeout(() => this.settle(), top <= 0 || top >= this.scrollEnd ? 0 : 200);
    }
    this.movedAt = performance.now();
  }

  catchUp() {
    // The event of a pull comes a frame after it; until then what the offset says belongs to where one was before.
    if (this.box.scrollTop !== this.last) this.scrolled();
  }

  settle() {
    // The thumb goes to where the rows in sight are in the whole; nothing of what is in sight moves.
    this.catchUp();
    const place = this.place;
    this.set(place);
    this.draw();
  }

  set(place) {
    const at = this.within(place);
    this.box.scrollTop = this.ratio === 1 ? at : at / this.ratio;
    this.last = this.box.scrollTop;
    this.offset = at - this.last;
    if (this.ratio === 1) this.offset = 0;
  }

  firstInSight() {
    return Math.min(Math.ceil((this.place - 1) / this.row), Math.max(0, this.total - 1));
  }

  lastInSight() {
    return Math.max(0, Math.min(this.total, Math.floor((this.place + this.sight + 1) / this.row)) - 1);
  }

  reveal(index, place) {
    const top = index * this.row;
    if (place === "center") this.set(top - (this.sight - this.row) / 2);
    else if (top < this.place) this.set(top);
    else if (top + this.row > this.place + this.sight) this.set(top + this.row - this.sight);
    else return;
    this.draw();
  }

  resized() {
    this.catchUp();
    const place = this.place;
    this.measure();
    this.set(place);
    this.draw();
  }

  // ------------------------------------------------------------ what is in the page

  draw() {
    if (!this.total) { this.empty(); return; }
    const rows = Math.ceil(this.sight / this.row) + 2 * OVERSCAN;
    const start = Math.max(0, Math.min(Math.floor(this.place / this.row) - OVERSCAN, this.total - rows));
    const end = Math.min(this.total, start + rows);
    const focused = this.body.contains(document.activeElement) ? document.activeElement.closest("tr") : null;
    for (const [index, row] of this.shown) {
      if (index < start || index >= end || row !== this.rowAt(index, row)) {
        if (row === focused) this.table.focus({ preventScroll: true });
        row.remove();
        this.shown.delete(index);
      }
    }
    for (let index = start, next = this.body.firstElementChild; index < end; index += 1) {
      let row = this.shown.get(index);
      if (!row) {
        row = this.rowAt(index) ?? this.placeholder(index);
        this.mark(row, index);
        this.body.insertBefore(row, next);
        this.shown.set(index, row);
      }
      next = row.nextElementSibling;
    }
    this.table.style.insetBlockStart = `${start * this.row - this.offset}px`;
    this.point();
    this.fetchFor(start, end);
    this.tellPlace();
  }

  empty() {
    for (const row of this.shown.values()) row.remove();
    this.shown.clear();
    this.table.style.insetBlockStart = "0px";
    this.active = -1;
    this.point();
    this.tellPlace();
  }

  rowAt(index, current) {
    const page = Math.floor(index / this.size);
    const rows = this.pages.get(page) ?? this.before.get(page);
    const row = rows?.[index - page * this.size];
    // A placeholder stays until its row is there.
    return row ?? (current?.classList.contains("window-wait") ? current : undefined);
  }

  placeholder(index) {
    const row = document.createElement("tr");
    row.className = "window-wait";
    const cell = row.insertCell();
    cell.colSpan = this.columns;
    cell.append(document.createElement("span"));
    row.dataset.index = index;
    row.setAttribute("aria-rowindex", String(index + 2));
    return row;
  }

  dress(row, index) {
    row.dataset.index = index;
    row.id = `${this.box.id}-row-${index}`;
    row.setAttribute("aria-rowindex", String(index + 2));
    for (const link of row.querySelectorAll("a.row")) link.tabIndex = -1;
    for (const tick of row.querySelectorAll("[data-select]")) tick.tabIndex = -1;
  }

  mark(row, index) {
    row.classList.toggle("is-active", index === this.active);
    const tick = row.querySelector("[data-select]");
    if (!tick) return;
    tick.checked = this.isChosen(row.dataset.id);
    row.setAttribute("aria-selected", String(tick.checked));
  }

  point() {
    const row = this.shown.get(this.active);
    if (row?.id) this.table.setAttribute("aria-activedescendant", row.id);
    else this.table.removeAttribute("aria-activedescendant");
  }

  keepWidths() {
    // Columns may grow when something longer comes, and never shrink: nothing jumps to and fro while one scrolls.
    const cells = [...(this.table.tHead?.rows[0]?.cells ?? [])];
    const widths = cells.map((cell) => cell.getBoundingClientRect().width);
    cells.forEach((cell, at) => {
      if (widths[at] > (cell.kept ?? 0) + 0.5) { cell.kept = widths[at]; cell.style.minWidth = `${Math.floor(widths[at])}px`; }
    });
  }

  tellPlace() {
    const first = this.total ? this.firstInSight() + 1 : 0;
    const last = this.total ? this.lastInSight() + 1 : 0;
    const text = say(words.place, { first: numbers.format(first), last: numbers.format(last), total: numbers.format(this.total) });
    for (const place of this.scope.querySelectorAll("[data-window-shown]")) if (place.textContent !== text) place.textContent = text;
    clearTimeout(this.telling);
    this.telling = setTimeout(() => { if (this.status.textContent !== text) this.status.textContent = text; }, 600);
  }

  // ------------------------------------------------------------ what is asked for

  fetchFor(start, end) {
    const needed = new Set();
    for (let page = Math.floor(start / this.size); page <= Math.floor((end - 1) / this.size); page += 1) needed.add(page);
    for (const [page, request] of this.asked) if (!needed.has(page)) { request.abort(); this.asked.delete(page); }
    const missing = [...needed].filter((page) => !this.pages.has(page) && !this.asked.has(page) && !this.failed.has(page));
    for (const page of needed) this.touch(page);
    clearTimeout(this.fetching);
    if (!missing.length) { this.busy(); return; }
    // While somebody pulls at the scrollbar nothing is asked for; where they stop, it is.
    const jumping = performance.now() - (this.movedAt ?? 0) < SETTLE && !missing.some((page) => this.pages.has(page - 1) || this.pages.has(page + 1));
    if (jumping) this.fetching = setTimeout(() => this.fetchFor(start, end), SETTLE);
    else for (const page of missing) this.fetch(page);
    this.busy();
  }

  busy() {
    this.table.setAttribute("aria-busy", String(this.asked.size > 0));
  }

  touch(page) {
    const rows = this.pages.get(page);
    if (rows) { this.pages.delete(page); this.pages.set(page, rows); }
  }

  async fetch(page) {
    const request = new AbortController();
    const { generation } = this;
    this.asked.set(page, request);
    const address = `${this.url}${this.url.includes("?") ? "&" : "?"}offset=${page * this.size}&limit=${this.size}`;
    try {
      const { rows, total } = await this.read(address, request.signal);
      if (generation !== this.generation) return;
      this.taken(page, rows, total);
    } catch (error) {
      if (request.signal.aborted || generation !== this.generation) return;
      this.fails(page);
    } finally {
      if (this.asked.get(page) === request) this.asked.delete(page);
      this.busy();
    }
  }

  async read(address, signal) {
    for (let attempt = 0; ; attempt += 1) {
      try {
        const answer = await fetch(address, { signal, headers: { "X-Requested-With": "XMLHttpRequest" }, credentials: "same-origin" });
        if (!answer.ok) throw new Error(String(answer.status));
        const holder = document.createElement("template");
        holder.innerHTML = `<table><tbody>${await answer.text()}</tbody></table>`;
        const rows = [...document.importNode(holder.content, true).querySelector("tbody").rows];
        const total = answer.headers.get("X-Total");
        return { rows, total: total === null ? this.total : Number(total) };
      } catch (error) {
        if (signal.aborted || attempt >= RETRY_AFTER.length || error.message === "401") throw error;
        await wait(RETRY_AFTER[attempt]);
        if (signal.aborted) throw error;
      }
    }
  }

  taken(page, rows, total) {
    rows.forEach((row, place) => this.dress(row, page * this.size + place));
    this.failed.delete(page);
    if (!this.failed.size) this.trouble.hidden = true;
    this.before.delete(page);
    this.pages.set(page, rows);
    if (total !== this.total) this.resize(total, page);
    for (const old of this.pages.keys()) {
      if (this.pages.size <= PAGES_KEPT) break;
      if (old !== page) this.pages.delete(old);
    }
    if (this.active >= this.total) this.active = this.total - 1;
    this.draw();
    this.keepWidths();
    this.report();
    window.htmx?.process(this.body);
    this.box.dispatchEvent(new CustomEvent("window:loaded", { bubbles: true, detail: { total: this.total } }));
  }

  resize(total, page) {
    // Something came or went meanwhile, so that the other pages may have moved.
    const place = this.place;
    for (const other of [...this.pages.keys()]) if (other !== page) { this.before.set(other, this.pages.get(other)); this.pages.delete(other); }
    this.total = total;
    this.box.dataset.windowTotal = total;
    this.measure();
    this.set(place);
  }

  fails(page) {
    this.failed.add(page);
    const retry = document.createElement("button");
    retry.type = "button";
    retry.className = "button button-small";
    retry.textContent = words.retry;
    retry.addEventListener("click", () => {
      this.failed.clear();
      this.trouble.hidden = true;
      this.table.focus({ preventScroll: true });
      this.draw();
    });
    this.trouble.replaceChildren(words.failed ?? "", " ", retry);
    this.trouble.hidden = false;
  }

  reload({ url, total } = {}) {
    this.generation += 1;
    for (const request of this.asked.values()) request.abort();
    this.asked.clear();
    this.failed.clear();
    this.trouble.hidden = true;
    const moved = url !== undefined && url !== this.url;
    if (moved) {
      this.url = this.box.dataset.windowUrl = url;
      this.pages.clear();
      this.before.clear();
      this.active = -1;
      this.choose("none");
      this.set(0);
    } else {
      for (const [page, rows] of this.pages) this.before.set(page, rows);
      this.pages.clear();
    }
    if (total !== undefined) { this.total = total; this.measure(); }
    if (this.total) this.draw();
    // Of an empty list nothing is asked for by drawing it.
    else this.fetch(0);
  }

  // ------------------------------------------------------------ keys and clicks

  pressed(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input:not([type=checkbox]), select, textarea")) return;
    if (event.key === " " && event.target !== this.table) return;
    if (event.key === "Enter" && event.target !== this.table) return;
    if (this.key(event.key, event)) event.preventDefault();
  }

  key(key, { shiftKey = false } = {}) {
    if (!this.total) return false;
    const from = this.active < 0 ? this.firstInSight() - 1 : this.active;
    const page = Math.max(1, Math.floor(this.sight / this.row) - 1);
    const to = {
      ArrowDown: from + 1, j: from + 1, ArrowUp: from - 1, k: from - 1,
      PageDown: from + page, PageUp: from - page, Home: 0, End: this.total - 1,
    }[key];
    if (to !== undefined) {
      const before = this.active;
      this.activate(Math.min(Math.max(0, to), this.total - 1));
      if (!this.table.contains(document.activeElement) || this.body.contains(document.activeElement)) this.table.focus({ preventScroll: true });
      if (shiftKey && key !== "j" && key !== "k") this.stretch(before, this.active);
      return true;
    }
    const row = this.shown.get(this.active);
    if (key === "Enter") { row?.querySelector("a.row")?.click(); return Boolean(row); }
    if (key === "x" || key === " ") {
      const tick = row?.querySelector("[data-select]");
      if (tick) { this.tick(row, !tick.checked); this.anchor = this.active; }
      return Boolean(tick);
    }
    if (key === "Escape" && this.count()) { this.choose("none"); return true; }
    return false;
  }

  activate(index, { follow = true, place = "" } = {}) {
    if (index < 0 || index >= this.total) return;
    const before = this.shown.get(this.active);
    this.active = index;
    if (before) before.classList.remove("is-active");
    if (follow) this.reveal(index, place);
    const row = this.shown.get(index);
    if (row) row.classList.add("is-active");
    this.point();
  }

  clicked(event) {
    const all = event.target.closest("[data-select-all]");
    if (all) { this.choose(all.checked ? "all" : "none"); return; }
    const row = event.target.closest("tbody tr");
    if (!row) return;
    const index = Number(row.dataset.index);
    const tick = event.target.closest("[data-select]");
    if (tick) {
      if (event.shiftKey && this.anchor >= 0) this.stretch(this.anchor, index, tick.checked);
      else this.tick(row, tick.checked);
      this.anchor = index;
      this.activate(index, { follow: false });
      return;
    }
    this.activate(index, { follow: false });
    // The whole row opens; what can be pressed by itself, or was marked to be copied, does not.
    if (event.target.closest("a, button, input, label, select, summary") || String(getSelection())) return;
    row.querySelector("a.row")?.click();
  }

  // ------------------------------------------------------------ what is chosen

  isChosen(id) {
    return this.chosen.all ? !this.chosen.except.has(id) : this.chosen.ids.has(id);
  }

  count() {
    return this.chosen.all ? this.total - this.chosen.except.size : this.chosen.ids.size;
  }

  tick(row, isOn) {
    const { id } = row.dataset;
    if (!id) return;
    if (this.chosen.all) this.chosen.except[isOn ? "delete" : "add"](id);
    else this.chosen.ids[isOn ? "add" : "delete"](id);
    this.mark(row, Number(row.dataset.index));
    this.report();
  }

  stretch(from, to, isOn = true) {
    const [start, end] = from < to ? [from, to] : [to, from];
    for (let index = Math.max(0, start); index <= end; index += 1) {
      const row = this.rowAt(index);
      if (row?.dataset.id) this.tick(row, isOn);
    }
  }

  choose(which) {
    this.chosen = { all: which === "all", ids: new Set(), except: new Set() };
    for (const [index, row] of this.shown) this.mark(row, index);
    this.report();
  }

  selection() {
    const { all, ids, except } = this.chosen;
    return { count: this.count(), all, ids: [...ids], except: [...except] };
  }

  report() {
    const count = this.count();
    const head = this.table.querySelector("[data-select-all]");
    if (head) { head.checked = count > 0 && count === this.total; head.indeterminate = count > 0 && count < this.total; }
    if (count === this.reported) return;
    const isFirst = this.reported === undefined;
    this.reported = count;
    for (const bar of this.scope.querySelectorAll("[data-window-bar]")) bar.hidden = count === 0;
    for (const place of this.scope.querySelectorAll("[data-window-count]")) place.textContent = numbers.format(count);
    for (const button of this.scope.querySelectorAll("[data-window-all]")) button.hidden = count === this.total;
    if (isFirst) return;
    this.status.textContent = say(words.chosen, { count: numbers.format(count) });
    this.box.dispatchEvent(new CustomEvent("window:selection", { bubbles: true, detail: this.selection() }));
  }

  send(data) {
    data.delete("id");
    if (this.chosen.all) {
      data.set("all", "1");
      for (const id of this.chosen.except) data.append("except", id);
    } else {
      for (const id of this.chosen.ids) data.append("id", id);
    }
  }

  // ------------------------------------------------------------ coming back

  get memory() {
    return `window:${location.pathname}:${this.box.id}`;
  }

  keep() {
    // Where the last scroll ended: to ask the box would lay the page out once more, and the next one would wait for it.
    const place = this.within(this.last + this.offset);
    try {
      sessionStorage.setItem(this.memory, JSON.stringify({ url: this.url, place, active: this.active }));
    } catch { /* Without a memory the list begins at its top. */ }
  }

  restore() {
    try {
      // Also where nothing is restored: the memory is slow the first time, and leaving is to be quick.
      const kept = JSON.parse(sessionStorage.getItem(this.memory));
      if (!isComingBack) return;
      if (kept?.url !== this.url) return;
      this.set(kept.place);
      if (kept.active < this.total) this.active = kept.active;
    } catch { /* As above. */ }
  }
}

function start(root) {
  const boxes = [...root.querySelectorAll("[data-window]")];
  if (root.matches?.("[data-window]")) boxes.push(root);
  for (const box of boxes) {
    if (box.rowWindow || !box.querySelector("table")) continue;
    box.rowWindow = new RowWindow(box);
  }
}

// The rows that the page came with are painted first. Who comes back is led to where they were before they see any.
let hasBegun = false;
function begin() {
  if (hasBegun) return;
  hasBegun = true;
  start(document);
}
if (isComingBack || performance.getEntriesByType("paint").length) begin();
else {
  new PerformanceObserver(begin).observe({ type: "paint", buffered: true });
  setTimeout(begin, 1000);  // Some browsers tell of no paint.
}
document.addEventListener("htmx:load", (event) => { if (hasBegun) start(event.detail.elt); });
