// What people write: drafts, Markdown, tags, rules in rows, files that are dropped and pasted. All of it works without.

const token = () => document.querySelector("input[name=csrfmiddlewaretoken]")?.value || "";

// ---------------------------------------------------------------- drafts: kept as one types, on the server
// Until it has them, what is typed is kept in this browser, by person and language.
const NOT_TYPED = new Set(["csrfmiddlewaretoken", "place"]);

class Draft {
  constructor(form) {
    this.form = form;
    this.timer = 0;
    this.isChanged = false;
    this.status = form.querySelector("[data-draft-status]");
    this.key = `words:${document.documentElement.dataset.person}:${document.documentElement.lang}:${form.dataset.draft}`;
    form.addEventListener("input", () => this.changed());
    form.addEventListener("submit", (event) => this.submitted(event));
    this.fill();
  }

  // Fields of what was typed before, where the server could not put them in itself.
  fill() {
    const kept = document.querySelector(`template[data-draft-fields="${CSS.escape(this.form.dataset.draft)}"]`);
    for (const field of kept?.content.querySelectorAll("input") || []) this.put(field.name, field.value);
    let here = null;
    try { here = JSON.parse(localStorage.getItem(this.key)); } catch { /* Nothing is kept here. */ }
    if (!here) return;
    for (const [name, value] of here) this.put(name, value);
    this.changed();
    this.say("draftBack");
  }

  put(name, value) {
    const into = this.form.elements[name];
    // What the draft was made from comes back with it: saving tells whether that still stands.
    if (into && "value" in into && (into.type !== "hidden" || name === "read" || name === "revision")) {
      into.value = value;
      into.dispatchEvent(new Event("change", { bubbles: false }));
    }
  }

  typed() {
    return [...new FormData(this.form)].filter(([name, value]) => typeof value === "string" && !NOT_TYPED.has(name));
  }

  say(words) { if (this.status) this.status.textContent = this.status.dataset[words]; }

  changed() {
    this.isChanged = true;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.keep(), 800);
    try { localStorage.setItem(this.key, JSON.stringify(this.typed())); } catch { /* The server alone keeps it. */ }
  }

  // It is saved or thrown away, and nothing of it need come back.
  done() {
    clearTimeout(this.timer);
    this.isChanged = false;
    try { localStorage.removeItem(this.key); } catch { /* Nothing was kept here. */ }
  }

  // What was typed is kept before it leaves, so that it is nowhere lost where nobody takes it any more.
  async submitted(event) {
    const { form } = this;
    if (form.hasAttribute("hx-post") || !(this.isChanged || this.isLeaving)) return;
    event.preventDefault();
    if (this.isLeaving) return;
    this.isLeaving = true;
    const status = await this.keep();
    this.isLeaving = false;
    if (status === 401) document.dispatchEvent(new CustomEvent("signedout", { detail: { leaves: true } }));
    else if (status === 403) location.reload();
    else if (!status) document.dispatchEvent(new Event("htmx:sendError"));
    else { this.done(); form.requestSubmit(event.submitter); }
  }

  // Resolves to the status of the answer; 0 where there is none.
  async keep() {
    clearTimeout(this.timer);
    if (!this.isChanged) return 204;
    this.isChanged = false;
    const body = new FormData();
    for (const [name, value] of this.typed()) body.set(name, value);
    body.set("place", this.form.dataset.draft);
    body.set("csrfmiddlewaretoken", token());
    // keepalive: the page may be on its way out.
    const answer = await fetch(this.form.dataset.draftUrl || "/drafts/", { method: "POST", body, keepalive: true }).catch(() => null);
    if (!answer?.ok) this.isChanged = true;
    else if (!this.isChanged) this.done();
    this.say(answer?.ok ? "draftKept" : "draftHere");
    return answer?.status ?? 0;
  }
}

let drafts = [];
function keepDrafts() {
  drafts = drafts.filter((draft) => draft.form.isConnected);
  for (const form of document.querySelectorAll("form[data-draft]")) {
    if (!drafts.some((draft) => draft.form === form)) drafts.push(new Draft(form));
  }
}
keepDrafts();
document.addEventListener("draft:done", (event) => drafts.find((draft) => draft.form === event.target)?.done());
document.addEventListener("submit", (event) => {
  if (event.target.dataset.draft) return;
  drafts.find((each) => each.form.dataset.draft === event.target.elements.place?.value)?.done();
});
const keepAll = () => Promise.all(drafts.map((draft) => draft.keep()));
window.addEventListener("pagehide", keepAll);
document.addEventListener("visibilitychange", () => { if (document.hidden) keepAll(); });

document.addEventListener("click", async (event) => {
  const link = event.target.closest("a[data-flush-draft]");
  if (!link || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  await keepAll();
  location.href = link.href;
});

// ---------------------------------------------------------------- Markdown
function around(area, mark) {
  const { selectionStart: start, selectionEnd: end, value } = area;
  area.setRangeText(mark + value.slice(start, end) + mark, start, end, "end");
  if (start === end) area.setSelectionRange(start + mark.length, start + mark.length);
}

function ahead(area, mark) {
  const { selectionStart: start, selectionEnd: end, value } = area;
  const from = value.lastIndexOf("\n", start - 1) + 1;
  const lines = value.slice(from, end).split("\n").map((line) => mark + line);
  area.setRangeText(lines.join("\n"), from, end, "end");
}

function link(area) {
  const { selectionStart: start, selectionEnd: end, value } = area;
  const words = value.slice(start, end);
  area.setRangeText(`[${words}](https://)`, start, end, "end");
  const at = area.selectionEnd - 1;
  area.setSelectionRange(at, at);
}

function apply(area, button) {
  if (button.dataset.wrap) around(area, button.dataset.wrap);
  else if (button.dataset.line) ahead(area, button.dataset.line);
  else link(area);
  area.focus();
  area.dispatchEvent(new Event("input", { bubbles: true }));
}

for (const tools of document.querySelectorAll("[data-markdown-tools]")) {
  const area = document.getElementById(tools.dataset.markdownTools);
  if (!area) continue;
  tools.hidden = false;
  const buttons = [...tools.querySelectorAll("button")];
  buttons.forEach((button, place) => { button.tabIndex = place ? -1 : 0; });
  tools.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (button) apply(area, button);
  });
  tools.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const at = buttons.indexOf(document.activeElement);
    buttons[(at + step + buttons.length) % buttons.length].focus();
  });
}

document.addEventListener("keydown", (event) => {
  if (!event.ctrlKey && !event.metaKey) return;
  const area = event.target;
  if (event.key === "Enter" && area.closest?.("form[data-save-key]")) {
    event.preventDefault();
    area.closest("form").requestSubmit();
    return;
  }
  if (!area.matches?.("textarea[data-markdown]")) return;
  const act = { b: () => around(area, "**"), i: () => around(area, "*"), k: () => link(area) }[event.key];
  if (!act) return;
  event.preventDefault();
  act();
  area.dispatchEvent(new Event("input", { bubbles: true }));
});

// A list goes on with the next line.
document.addEventListener("keydown", (event) => {
  const area = event.target;
  if (event.key !== "Enter" || event.shiftKey || event.ctrlKey || event.metaKey || event.isComposing) return;
  if (!area.matches?.("textarea[data-markdown]") || area.selectionStart !== area.selectionEnd) return;
  const before = area.value.slice(area.value.lastIndexOf("\n", area.selectionStart - 1) + 1, area.selectionStart);
  const found = /^(\s*(?:[-*] (?:\[[ x]\] )?|> ))(.*)$/.exec(before);
  if (!found) return;
  event.preventDefault();
  if (found[2].trim()) {
    area.setRangeText(`\n${found[1].replace("[x]", "[ ]")}`, area.selectionStart, area.selectionEnd, "end");
  } else {
    area.setRangeText("", area.selectionStart - before.length, area.selectionStart, "end");
  }
  area.dispatchEvent(new Event("input", { bubbles: true }));
});

// ---------------------------------------------------------------- tags: chips over a field of names with commas
let pickers = 0;

class TagPicker {
  constructor(input, words) {
    this.input = input;
    this.words = words;
    this.names = input.value.split(",").map((name) => name.trim()).filter(Boolean);
    this.at = -1;
    this.asked = 0;
    this.build();
    this.show();
  }

  build() {
    const id = `tag-picker-${pickers += 1}`;
    this.box = document.createElement("div");
    this.box.className = "tag-picker";
    this.chips = document.createElement("span");
    this.chips.className = "tag-chips";
    this.field = document.createElement("input");
    Object.assign(this.field, { type: "text", autocomplete: "off", maxLength: 50, placeholder: this.input.placeholder });
    this.field.setAttribute("role", "combobox");
    this.field.setAttribute("aria-expanded", "false");
    this.field.setAttribute("aria-controls", id);
    this.field.setAttribute("aria-autocomplete", "list");
    const label = this.input.labels?.[0]?.textContent || this.input.getAttribute("aria-label") || this.words.label || "";
    this.field.setAttribute("aria-label", label.trim());
    this.list = document.createElement("ul");
    this.list.id = id;
    this.list.className = "tag-options";
    this.list.setAttribute("role", "listbox");
    this.list.setAttribute("aria-label", label.trim());
    this.list.hidden = true;
    this.box.append(this.chips, this.field, this.list);
    this.input.after(this.box);
    // A key that leads to the field leads to what is typed in.
    for (const name of ["data-hotkey", "data-hotkey-words"]) {
      if (this.input.hasAttribute(name)) this.field.setAttribute(name, this.input.getAttribute(name));
      this.input.removeAttribute(name);
    }
    this.input.hidden = true;
    this.input.required = false;
    this.input.removeAttribute("list");
    this.input.type = "hidden";
    this.input.addEventListener("change", () => this.read());
    this.field.addEventListener("input", () => this.typed());
    this.field.addEventListener("focus", () => this.ask());
    this.field.addEventListener("keydown", (event) => this.key(event));
    this.field.addEventListener("blur", () => setTimeout(() => this.left(), 120));
    this.list.addEventListener("mousedown", (event) => {
      event.preventDefault();
      const option = event.target.closest("[role=option]");
      if (option) this.add(option.dataset.name);
    });
    this.chips.addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (button) this.remove(button.dataset.name);
    });
  }

  read() {
    this.names = this.input.value.split(",").map((name) => name.trim()).filter(Boolean);
    this.show();
  }

  show() {
    this.chips.replaceChildren(...this.names.map((name) => {
      const chip = document.createElement("span");
      chip.className = "tag";
      chip.append(name);
      const button = document.createElement("button");
      button.type = "button";
      button.dataset.name = name;
      button.textContent = "×";
      button.setAttribute("aria-label", `${this.words.remove || ""} ${name}`.trim());
      chip.append(button);
      return chip;
    }));
  }

  changed() {
    this.input.value = this.names.join(", ");
    this.show();
    this.input.dispatchEvent(new Event("input", { bubbles: true }));
  }

  add(name) {
    const clean = name.replaceAll(",", " ").trim();
    this.field.value = "";
    this.close();
    if (!clean || this.names.some((each) => each.toLowerCase() === clean.toLowerCase())) return;
    this.names.push(clean);
    this.changed();
    this.input.dispatchEvent(new CustomEvent("tags:picked"));
  }

  remove(name) {
    this.names = this.names.filter((each) => each !== name);
    this.changed();
    this.field.focus();
  }

  typed() {
    if (this.field.value.includes(",")) {
      for (const name of this.field.value.split(",")) this.add(name);
      return;
    }
    clearTimeout(this.asked);
    this.asked = setTimeout(() => this.ask(), 120);
  }

  async ask() {
    const text = this.field.value.trim();
    const answer = await fetch(`${this.words.url}?q=${encodeURIComponent(text)}`).catch(() => null);
    if (!answer?.ok || text !== this.field.value.trim() || document.activeElement !== this.field) return;
    this.list.innerHTML = await answer.text();
    const taken = new Set(this.names.map((name) => name.toLowerCase()));
    for (const option of [...this.options()]) if (taken.has(option.dataset.name.toLowerCase())) option.remove();
    this.options().forEach((option, place) => { option.id = `${this.list.id}-${place}`; });
    this.list.hidden = !this.options().length;
    this.field.setAttribute("aria-expanded", String(!this.list.hidden));
    this.point(text && this.options().length ? 0 : -1);
  }

  options() { return [...this.list.querySelectorAll("[role=option]")]; }

  point(place) {
    const options = this.options();
    this.at = options.length ? Math.max(-1, Math.min(place, options.length - 1)) : -1;
    options.forEach((option, number) => option.setAttribute("aria-selected", String(number === this.at)));
    if (this.at >= 0) {
      this.field.setAttribute("aria-activedescendant", options[this.at].id);
      options[this.at].scrollIntoView({ block: "nearest" });
    } else {
      this.field.removeAttribute("aria-activedescendant");
    }
  }

  key(event) {
    if (event.key === "ArrowDown") { event.preventDefault(); this.list.hidden ? this.ask() : this.point(this.at + 1); }
    else if (event.key === "ArrowUp") { event.preventDefault(); this.point(this.at - 1); }
    else if (event.key === "Enter" && (this.field.value.trim() || this.at >= 0)) {
      event.preventDefault();
      const option = this.options()[this.at];
      this.add(!this.list.hidden && option ? option.dataset.name : this.field.value);
    } else if (event.key === "Escape" && !this.list.hidden) { event.stopPropagation(); this.close(); }
    else if (event.key === "Backspace" && !this.field.value && this.names.length) this.remove(this.names.at(-1));
  }

  left() {
    if (this.field.value.trim()) this.add(this.field.value);
    this.close();
  }

  close() {
    this.list.hidden = true;
    this.field.setAttribute("aria-expanded", "false");
    this.point(-1);
  }
}

function pickTags(root) {
  for (const input of root.querySelectorAll("input[data-tag-picker]:not([type=hidden])")) {
    const place = input.closest("[data-tags-url]");
    if (!place) continue;
    new TagPicker(input, { url: place.dataset.tagsUrl, remove: place.dataset.tagsRemove, label: place.dataset.tagsLabel });
  }
}
pickTags(document);

// ---------------------------------------------------------------- rules of a playbook
for (const form of document.querySelectorAll("form[data-rules]")) {
  const rows = form.querySelector("[data-rule-rows]");
  const text = (row) => row.querySelector("[name=rule-text]");
  const fresh = () => {
    const row = rows.lastElementChild.cloneNode(true);
    row.querySelector(".field-error")?.remove();
    row.querySelector("[name=rule-key]").value = "";
    text(row).value = "";
    return row;
  };
  form.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-act]");
    if (!button || !rows.children.length) return;
    event.preventDefault();
    const row = button.closest("li");
    const act = button.dataset.act;
    if (act === "more") {
      const made = fresh();
      rows.append(made);
      text(made).focus();
    } else if (act === "drop") {
      const next = row.nextElementSibling || row.previousElementSibling;
      if (next) row.remove(); else { text(row).value = ""; row.querySelector("[name=rule-key]").value = ""; }
      text(next || row).focus();
    } else {
      const other = act === "up" ? row.previousElementSibling : row.nextElementSibling;
      if (!other) return;
      if (act === "up") other.before(row); else other.after(row);
      button.focus();
    }
  });
}

// ---------------------------------------------------------------- files
function send(form, files) {
  if (!files.length) return;
  form.closest("details:not([open])")?.setAttribute("open", "");
  const bar = form.querySelector("progress");
  const status = form.querySelector("[data-files-status]");
  const body = new FormData(form);
  body.delete("file");
  for (const file of files) body.append("file", file, file.name || "screenshot.png");
  const request = new XMLHttpRequest();
  request.open("POST", form.action);
  request.setRequestHeader("HX-Request", "true");
  bar.hidden = false;
  bar.value = 0;
  status.textContent = form.dataset.filesWait;
  request.upload.addEventListener("progress", (event) => {
    if (event.lengthComputable) bar.value = (100 * event.loaded) / event.total;
  });
  request.addEventListener("load", () => {
    if (request.status === 401) document.dispatchEvent(new CustomEvent("signedout"));
    if (request.status !== 200) { failed(); return; }
    const place = document.getElementById(form.dataset.filesTarget);
    const holder = document.createElement("div");
    holder.innerHTML = request.responseText;
    const made = holder.firstElementChild;
    place.replaceWith(made);
    window.htmx?.process(made);
    made.querySelector("input[type=file]")?.focus();
  });
  const failed = () => { bar.hidden = true; status.textContent = form.dataset.filesFailed; };
  request.addEventListener("error", failed);
  request.addEventListener("abort", failed);
  request.send(body);
}

document.addEventListener("change", (event) => {
  const form = event.target.closest("form[data-files]");
  if (form && event.target.type === "file") send(form, event.target.files);
});

for (const name of ["dragover", "drop"]) {
  document.addEventListener(name, (event) => {
    const form = event.target.closest?.(".files")?.querySelector("form[data-files]");
    if (!form || ![...event.dataTransfer.types].includes("Files")) return;
    event.preventDefault();
    form.classList.toggle("is-over", name === "dragover");
    if (name === "drop") send(form, event.dataTransfer.files);
  });
}
document.addEventListener("dragleave", (event) => {
  event.target.closest?.(".files")?.querySelector("form[data-files]")?.classList.remove("is-over");
});

// Pasted pictures go to the one place that takes files, or into the form of a new note.
document.addEventListener("paste", (event) => {
  const files = [...(event.clipboardData?.files || [])];
  if (!files.length) return;
  const field = document.querySelector("input[data-paste-files]");
  if (field) {
    event.preventDefault();
    const all = new DataTransfer();
    for (const file of [...field.files, ...files]) all.items.add(file);
    field.files = all.files;
    return;
  }
  const forms = document.querySelectorAll("form[data-files]");
  const form = event.target.closest?.(".files")?.querySelector("form[data-files]") || (forms.length === 1 ? forms[0] : null);
  if (!form) return;
  event.preventDefault();
  send(form, files);
});

document.addEventListener("htmx:afterSwap", (event) => { pickTags(event.target); keepDrafts(); });
