// What the desk's pages do in the browser: ask before what cannot be taken back, write phones as people do, and send
// files straight to storage while showing how far each is, and the inbox by keys. Everything else is server-side.
"use strict";

const PICTURES = { heic: "image/heic", heif: "image/heif", jpg: "image/jpeg", jpeg: "image/jpeg", png: "image/png", pdf: "application/pdf", zip: "application/zip" };
const KINDS = { ...PICTURES, json: "application/json", mp4: "video/mp4", m4v: "video/mp4", mov: "video/quicktime", webm: "video/webm" };
const TABLES = { csv: "text/csv", xlsx: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet" };
const POLL_MS = 2000;
const AT_ONCE = 3;

function confirmBeforeSending() {
    document.addEventListener("submit", (event) => {
        const question = event.target.dataset.confirm;
        if (question && !window.confirm(question)) event.preventDefault();
    });
}

function writePhones() {
    for (const field of document.querySelectorAll("input[data-phone]")) {
        field.addEventListener("input", () => {
            if (field.selectionStart !== field.value.length) return;
            const digits = field.value.replace(/[^0-9]/g, "");
            if (field.value.startsWith("+") || !digits.startsWith("01") || digits.length > 11) return;
            const parts = digits.length > 10 ? [3, 4, 4] : [3, 3, 4];
            let rest = digits;
            field.value = parts.map((size) => { const part = rest.slice(0, size); rest = rest.slice(size); return part; }).filter(Boolean).join("-");
        });
    }
}

// Files chosen in `input`, or let go of over `drop`.
function takeFiles(drop, input, take) {
    input.addEventListener("change", (event) => {
        event.stopImmediatePropagation(); // unfold would look for the text field that its own file inputs have
        take(input.files);
        input.value = "";
    });
    for (const kind of ["dragover", "dragenter"]) drop.addEventListener(kind, (event) => { event.preventDefault(); drop.classList.add("is-over"); });
    for (const kind of ["dragleave", "drop"]) drop.addEventListener(kind, (event) => { event.preventDefault(); drop.classList.remove("is-over"); });
    drop.addEventListener("drop", (event) => take(event.dataTransfer.files));
}

// The way to the server or to storage is broken, for now: what was asked may be asked again.
class Lost extends Error {}

// Files go from the page straight to storage: by a form that the API gives out for each, films in parts (multipart.js).
class Sender {
    constructor(root) {
        this.texts = root.dataset;
        this.token = root.querySelector("[name=csrfmiddlewaretoken]").value;
    }

    async ask(method, url, body) {
        let answer;
        try {
            answer = await fetch(url, { method, headers: { "Content-Type": "application/json", "X-CSRFToken": this.token }, body: body && JSON.stringify(body) });
        } catch { throw new Lost(this.texts.textLost); }
        const data = await answer.json().catch(() => ({}));
        if (!answer.ok) {
            const [first] = data.errors || [];
            const reason = (first && first.detail) || this.texts.textLost;
            if (answer.status >= 500 || answer.status === 429) throw new Lost(reason);
            throw Object.assign(new Error(reason), { code: first && first.code });
        }
        return data;
    }

    async upload(file, kind, bar, state) {
        if (kind.startsWith("video/")) return new FilmSender(this, file, kind, bar, state).send();
        const form = await this.ask("POST", this.texts.uploads, { file_name: file.name.slice(0, 255), content_type: kind });
        await this.post(form, file, bar);
        return form.id;
    }

    post(form, file, bar) {
        return new Promise((resolve, reject) => {
            const data = new FormData();
            for (const [name, value] of Object.entries(form.fields)) data.append(name, value);
            data.append("file", file);
            const request = new XMLHttpRequest();
            request.upload.addEventListener("progress", (event) => { if (event.lengthComputable) bar.value = (100 * event.loaded) / event.total; });
            request.addEventListener("load", () => (request.status < 300 ? resolve() : reject(new Error(this.texts.textLost))));
            for (const kind of ["error", "abort", "timeout"]) request.addEventListener(kind, () => reject(new Error(this.texts.textLost)));
            request.open("POST", form.url);
            request.send(data);
        });
    }
}

// Rows that show how far each file is.
class Uploads {
    constructor(root) {
        this.root = root;
        this.texts = root.dataset;
        this.sender = new Sender(root);
        this.list = root.querySelector("#uploads");
        this.unfinished = new Set();
        takeFiles(root.querySelector("#drop"), root.querySelector("#files"), (files) => this.take(files));
        window.addEventListener("beforeunload", (event) => { if (this.unfinished.size) event.preventDefault(); });
    }

    row(file) {
        const item = document.createElement("li");
        const name = document.createElement("strong"); name.textContent = file.name;
        const state = document.createElement("span"); state.className = "desk-label"; state.textContent = this.texts.textWaiting;
        const bar = document.createElement("progress"); bar.className = "desk-progress"; bar.max = 100; bar.value = 0;
        item.append(name, state, bar);
        this.list.prepend(item);
        return { item, state, bar };
    }

    show(row, text, kind, percent) {
        row.state.textContent = text;
        row.state.className = `desk-label ${kind}`;
        if (percent !== undefined) row.bar.value = percent;
    }

    fail(row, text) {
        this.show(row, this.texts.textFailed, "desk-danger");
        row.bar.remove();
        const reason = document.createElement("p"); reason.className = "desk-error"; reason.textContent = text;
        row.item.append(reason);
    }
}

class HandIn extends Uploads {
    constructor(root) {
        super(root);
        this.exam = root.querySelector("#exam");
        this.waiting = [];
        this.running = 0;
    }

    take(files) {
        if (!this.exam.value) { this.exam.focus(); this.exam.reportValidity(); this.exam.setAttribute("aria-invalid", "true"); this.exam.closest(".desk-field").classList.add("is-wrong"); return; }
        this.exam.closest(".desk-field").classList.remove("is-wrong");
        for (const file of files) {
            const row = this.row(file);
            const kind = PICTURES[file.name.split(".").pop().toLowerCase()];
            if (!kind) { this.fail(row, this.texts.textKind); continue; }
            const item = { file, kind, row, exam: this.exam.value };
            this.unfinished.add(item);
            this.waiting.push(item);
        }
        this.next();
    }

    next() {
        while (this.running < AT_ONCE && this.waiting.length) {
            const item = this.waiting.shift();
            this.running += 1;
            this.send(item).catch((error) => this.fail(item.row, error.message || this.texts.textLost)).finally(() => {
                this.running -= 1;
                this.unfinished.delete(item);
                this.next();
            });
        }
    }

    async send({ file, kind, row, exam }) {
        this.show(row, this.texts.textSending, "desk-info", 0);
        const upload = await this.sender.upload(file, kind, row.bar);
        const batch = await this.sender.ask("POST", this.texts.scans.replace("/0/", `/${exam}/`), { upload });
        const link = document.createElement("a"); link.href = this.texts.page.replace("/0/", `/${batch.id}/`); link.className = "desk-link"; link.textContent = file.name;
        row.item.querySelector("strong").replaceChildren(link);
        this.show(row, this.texts.textReading, "desk-info", 0);
        this.follow(batch.id, row);
    }

    async follow(batchId, row) {
        try {
            const batch = await this.sender.ask("GET", this.texts.batch.replace("/0", `/${batchId}`));
            const done = batch.read + batch.failed + batch.cancelled;
            row.bar.value = batch.page_count ? (100 * done) / batch.page_count : 0;
            if (!batch.is_finished) {
                this.show(row, batch.page_count ? `${this.texts.textReading} ${done}/${batch.page_count}` : this.texts.textReading, "desk-info");
            } else if (batch.failed && !batch.read) {
                this.fail(row, batch.failures.length ? batch.failures[0].message : "");
                return;
            } else {
                this.show(row, batch.failed ? this.texts.textSome : this.texts.textDone, batch.failed ? "desk-warning" : "desk-success", 100);
                return;
            }
        } catch { /* the next look may get through */ }
        window.setTimeout(() => this.follow(batchId, row), POLL_MS);
    }
}

// A list of students: one file, sent, then handed to the page as the form's upload.
class Bring extends Uploads {
    take(files) {
        if (!files.length || this.unfinished.size) return;
        this.list.replaceChildren();
        const [file] = files;
        const row = this.row(file);
        const kind = TABLES[file.name.split(".").pop().toLowerCase()];
        if (!kind) { this.fail(row, this.texts.textKind); return; }
        this.unfinished.add(file);
        this.send(file, kind, row).catch((error) => this.fail(row, error.message || this.texts.textLost)).finally(() => this.unfinished.delete(file));
    }

    async send(file, kind, row) {
        this.show(row, this.texts.textSending, "desk-info", 0);
        const upload = await this.sender.upload(file, kind, row.bar);
        this.unfinished.clear();
        this.root.querySelector("[name=upload]").value = upload;
        this.root.requestSubmit();
    }
}

// A form whose files are sent first: then it is sent itself, with their names and ids in its hidden field.
class SendFirst {
    constructor(form) {
        this.form = form;
        this.sender = new Sender(form);
        this.field = form.querySelector("[name=uploads]");
        this.list = form.querySelector("[data-files]");
        this.chosen = [];
        this.isSending = false;
        window.addEventListener("beforeunload", (event) => { if (this.isSending) event.preventDefault(); });
        const input = form.querySelector("input[type=file]");
        this.isMultiple = input.multiple;
        takeFiles(form.querySelector(".desk-drop"), input, (files) => this.take([...files]));
        form.addEventListener("submit", (event) => { event.preventDefault(); this.send(); });
        this.list.append(...JSON.parse(this.field.value || "[]").map(({ name }) => this.row(name, 100).item));
    }

    row(name, percent) {
        const item = document.createElement("li");
        const title = document.createElement("strong"); title.textContent = name;
        const bar = document.createElement("progress"); bar.className = "desk-progress"; bar.max = 100; bar.value = percent; bar.setAttribute("aria-label", name);
        const state = document.createElement("span"); state.className = "desk-sent";
        item.append(title, state, bar);
        return { item, state, bar };
    }

    take(files) {
        this.fail("");
        this.field.value = "";
        this.chosen = (this.isMultiple ? [...this.chosen, ...files] : files.slice(-1)).filter((file) => this.kind(file));
        if (files.some((file) => !this.kind(file))) this.fail(this.form.dataset.textKind);
        this.list.replaceChildren(...this.chosen.map((file) => { const row = this.row(file.name, 0); Object.assign(file, { bar: row.bar, state: row.state }); return row.item; }));
    }

    kind(file) {
        const ending = file.name.split(".").pop().toLowerCase();
        return this.form.dataset.kinds.split(" ").includes(ending) ? KINDS[ending] : undefined;
    }

    fail(text) {
        const place = this.form.querySelector("[data-error]");
        place.textContent = text;
        place.hidden = !text;
    }

    async send() {
        if (!this.form.reportValidity()) return;
        if (!this.chosen.length && !this.field.value) { this.fail(this.form.dataset.textNone); return; }
        const button = this.form.querySelector("button[type=submit]");
        button.disabled = true;
        this.isSending = true;
        this.fail("");
        try {
            const sent = [];
            for (const file of this.chosen) sent.push({ name: file.name, id: await this.sender.upload(file, this.kind(file), file.bar, file.state) });
            if (sent.length) this.field.value = JSON.stringify(sent);
            this.isSending = false;
            this.form.submit();
        } catch (error) {
            this.isSending = false;
            button.disabled = false;
            this.fail(error.message || this.form.dataset.textLost);
        }
    }
}

// The inbox without a mouse: digits choose and go on to the next question, 0 is blank, Enter saves, an arrow leaves the
// sheet for later. Keys are taken by their place, since with a Korean keyboard they give other letters.
class Review {
    constructor(form) {
        this.form = form;
        this.items = [...form.querySelectorAll("[data-item]")];
        this.here = 0;
        this.show();
        form.addEventListener("change", () => this.show());
        form.addEventListener("focusin", (event) => { const place = this.items.indexOf(event.target.closest("[data-item]")); if (place >= 0 && place !== this.here) { this.here = place; this.show(); } });
        document.addEventListener("keydown", (event) => this.press(event));
    }

    isDecided(item) {
        return [...item.querySelectorAll("input:not([data-aside])")].some((field) => (["radio", "checkbox"].includes(field.type) ? field.checked : field.value));
    }

    show() {
        this.items.forEach((item, place) => {
            item.classList.toggle("is-here", place === this.here);
            item.classList.toggle("is-decided", this.isDecided(item));
        });
    }

    move(step) {
        this.here = Math.min(Math.max(this.here + step, 0), this.items.length - 1);
        const item = this.items[this.here];
        (item.querySelector("[data-key]") ? item : item.querySelector("input") || item).focus({ preventScroll: true });
        item.scrollIntoView({ block: "nearest" });
        this.show();
    }

    press(event) {
        const typed = event.target.matches("input[type=text], input[type=number], textarea, select");
        if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing) return;
        if (event.code === "Enter" && !event.target.matches("a, button, summary")) { event.preventDefault(); this.form.requestSubmit(); return; }
        if (event.code === "ArrowDown" || event.code === "ArrowUp") { event.preventDefault(); this.move(event.code === "ArrowDown" ? 1 : -1); return; }
        if (typed) return;
        if (event.code === "ArrowRight") { event.preventDefault(); window.location.assign(this.form.dataset.skip); return; }
        const digit = /^(?:Digit|Numpad)([0-9])$/.exec(event.code);
        const choice = digit && this.items[this.here].querySelector(`[data-key="${digit[1]}"]`);
        if (!choice) return;
        event.preventDefault();
        choice.checked = choice.type === "checkbox" ? !choice.checked : true;
        this.show();
        if (choice.type !== "checkbox") this.move(1);
    }
}

// Attendance: whoever has no tap yet gets the one that the button names. And a chosen day is gone to at once.
function takeAttendance() {
    for (const button of document.querySelectorAll("[data-attendance] [data-rest]")) {
        button.addEventListener("click", () => {
            for (const row of button.form.querySelectorAll("[role=radiogroup]")) {
                if (!row.querySelector("input:checked")) row.querySelector(`input[value="${button.dataset.rest}"]`).checked = true;
            }
        });
    }
    for (const field of document.querySelectorAll("[data-submit]")) field.addEventListener("change", () => { if (field.value) field.form.requestSubmit(); });
}

// A list taken along: into a message, or onto paper.
function copyLists() {
    document.addEventListener("click", async (event) => {
        const button = event.target.closest("[data-copy]");
        if (!button) return;
        try { await navigator.clipboard.writeText(button.dataset.copy); } catch { return; } // the browser says why
        button.querySelector("span:last-child").textContent = button.dataset.copied;
    });
}

// "/" begins a search, by its place on the keyboard as in the inbox; where the menu is closed, on the page of its own.
// On a list it begins the search of that list, which unfold sees to.
function findBySlash() {
    const field = document.querySelector("[data-find]");
    if (!field || document.getElementById("searchbar")) return;
    document.addEventListener("keydown", (event) => {
        if (event.code !== "Slash" || event.ctrlKey || event.altKey || event.metaKey || event.shiftKey || event.isComposing) return;
        if (event.target.matches("input, textarea, select, [contenteditable]")) return;
        event.preventDefault();
        if (field.offsetParent) field.focus();
        else window.location.assign(field.form.action);
    });
}

document.addEventListener("DOMContentLoaded", () => {
    confirmBeforeSending();
    findBySlash();
    copyLists();
    writePhones();
    takeAttendance();
    const root = document.getElementById("hand-in");
    if (root) new HandIn(root);
    const bring = document.getElementById("bring");
    if (bring) new Bring(bring);
    for (const form of document.querySelectorAll("form[data-send-first]")) new SendFirst(form);
    const review = document.getElementById("review");
    if (review) new Review(review);
});
