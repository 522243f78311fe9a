// Boxes drawn over the picture of a page, by mouse, finger, keys or numbers: what the sheets of other makers and the
// problems of worksheets have in common. A box has a first corner (x1, y1) and a last one (x2, y2) in the units of the
// picture; what it is besides, its editor says. The server checks all of it again: here a hidden field is filled.
"use strict";

const DRAWING_NS = "http://www.w3.org/2000/svg";
const ZOOMS = [100, 150, 220, 320];
const HANDLE_PX = 11; // on the screen

const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
const tidy = (value) => Math.round(value * 10) / 10;

class Drawing {
    // `steps`: what an arrow key moves, alone and with Shift; `least`: a shorter drag is a tap.
    constructor(form, { steps, least }) {
        this.form = form;
        this.steps = steps;
        this.least = least;
        this.texts = form.dataset;
        this.svg = form.querySelector("#sheet");
        this.layer = form.querySelector("#boxes");
        this.field = form.querySelector("[data-drawn]");
        this.list = form.querySelector("#box-list");
        this.panel = form.querySelector("#box-panel");
        this.inputs = [...this.panel.querySelectorAll("[data-field]")];
        [this.width, this.height] = [Number(this.texts.width), Number(this.texts.height)];
        this.blocks = [];
        this.here = null;
        this.tool = "";
        this.zoom = 0;
        this.rubber = this.element("rect", { class: "desk-rubber", hidden: "" }, this.svg);
        this.listen();
    }

    // What an editor says of its boxes: the name of one and its words in the list, what the form sends of it, how it
    // lies on the picture, what a drag with `tool` over `area` makes, and what a changed field means.
    name(_block) { throw new Error("name"); }
    listed(_block, _place) { throw new Error("listed"); }
    sent(_block) { throw new Error("sent"); }
    place(_block) { throw new Error("place"); }
    made(_tool, _area) { throw new Error("made"); }
    typed(_input) { throw new Error("typed"); }
    keep(_block, _end) {}
    dressed(_block) {}

    begin(blocks) {
        for (const block of blocks) this.add(block);
        this.choose(null);
    }

    element(name, attributes, parent) {
        const made = document.createElementNS(DRAWING_NS, name);
        for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
        if (parent) parent.append(made);
        return made;
    }

    listen() {
        for (const button of this.form.querySelectorAll("[data-tool]")) button.addEventListener("click", () => this.take(this.tool === button.dataset.tool ? "" : button.dataset.tool));
        for (const button of this.form.querySelectorAll("[data-zoom]")) button.addEventListener("click", () => this.scale(this.zoom + Number(button.dataset.zoom)));
        for (const input of this.inputs) input.addEventListener("input", () => { if (this.here) this.typed(input); });
        this.form.querySelector("#box-delete").addEventListener("click", () => this.remove(this.here));
        this.svg.addEventListener("pointerdown", (event) => this.press(event));
        this.svg.addEventListener("pointermove", (event) => this.drag(event));
        for (const kind of ["pointerup", "pointercancel"]) this.svg.addEventListener(kind, (event) => this.release(event));
        this.svg.addEventListener("keydown", (event) => this.nudge(event));
        this.svg.addEventListener("focusin", (event) => { const block = this.owner(event.target); if (block) this.choose(block); });
        window.addEventListener("resize", () => this.blocks.forEach((block) => this.draw(block)));
    }

    take(tool) {
        this.tool = tool;
        for (const button of this.form.querySelectorAll("[data-tool]")) button.setAttribute("aria-pressed", String(button.dataset.tool === tool));
        this.svg.classList.toggle("is-drawing", Boolean(tool));
    }

    scale(step) {
        this.zoom = clamp(step, 0, ZOOMS.length - 1);
        this.svg.style.width = `${ZOOMS[this.zoom]}%`;
        this.blocks.forEach((block) => this.draw(block));
    }

    // ---------------------------------------------------------------- boxes

    add(block) {
        block.group = this.element("g", { class: "desk-box", tabindex: "0", role: "group" }, this.layer);
        block.outline = this.element("rect", { class: "desk-box-outline" }, block.group);
        this.dressed(block);
        block.title = this.element("text", {}, block.group);
        block.ends = ["first", "last"].map((end) => this.element("circle", { class: "desk-handle", tabindex: "0", role: "button", "data-end": end, "aria-label": end === "first" ? this.texts.textFirst : this.texts.textLast }, block.group));
        this.blocks.push(block);
        this.draw(block);
        return block;
    }

    remove(block) {
        if (!block) return;
        block.group.remove();
        this.blocks = this.blocks.filter((one) => one !== block);
        this.blocks.forEach((one) => this.draw(one));
        this.choose(null);
    }

    choose(block) {
        this.here = block;
        for (const one of this.blocks) one.group.classList.toggle("is-here", one === block);
        this.panel.hidden = !block;
        this.show();
    }

    owner(target) {
        const group = target.closest && target.closest(".desk-box");
        return this.blocks.find((block) => block.group === group) || null;
    }

    draw(block) {
        const unit = this.width / (this.svg.clientWidth || this.width); // the picture's in a pixel of the screen
        const { box, title } = this.place(block, unit);
        for (const [key, value] of Object.entries(box)) block.outline.setAttribute(key, Math.max(value, 0));
        block.title.setAttribute("x", title.x);
        block.title.setAttribute("y", title.y);
        block.title.setAttribute("font-size", 13 * unit);
        block.title.setAttribute("stroke-width", 4 * unit);
        block.title.textContent = this.name(block);
        block.group.setAttribute("aria-label", this.name(block));
        block.ends.forEach((handle, end) => {
            handle.setAttribute("cx", end ? block.x2 : block.x1);
            handle.setAttribute("cy", end ? block.y2 : block.y1);
            handle.setAttribute("r", HANDLE_PX * unit);
        });
    }

    // What is drawn, as the form sends it, as the list says it and as the fields have it.
    show() {
        this.field.value = JSON.stringify(this.blocks.map((block) => this.sent(block)));
        this.list.replaceChildren(...this.blocks.map((block, place) => {
            const item = document.createElement("li");
            const button = document.createElement("button");
            button.type = "button";
            button.textContent = this.listed(block, place);
            button.setAttribute("aria-pressed", String(block === this.here));
            button.addEventListener("click", () => { this.choose(block); block.group.scrollIntoView({ block: "nearest" }); });
            item.append(button);
            return item;
        }));
        this.form.querySelector("#no-boxes").hidden = this.blocks.length > 0;
        if (!this.here) return;
        for (const input of this.inputs) {
            const value = this.here[input.dataset.field];
            if (document.activeElement !== input) input.value = typeof value === "boolean" ? String(value) : value;
            input.closest("[data-only]")?.toggleAttribute("hidden", !input.closest("[data-only]").dataset.only.split(" ").includes(this.here.kind));
        }
    }

    // ---------------------------------------------------------------- pointer and keys

    at(event) {
        const box = this.svg.getBoundingClientRect();
        return { x: clamp(((event.clientX - box.left) * this.width) / box.width, 0, this.width), y: clamp(((event.clientY - box.top) * this.height) / box.height, 0, this.height) };
    }

    press(event) {
        if (event.button) return;
        const from = this.at(event);
        const block = this.tool ? null : this.owner(event.target);
        if (block) {
            this.choose(block);
            this.held = { from, block, end: event.target.dataset.end || "", before: { ...block } };
        } else if (this.tool) this.held = { from, block: null };
        else { this.choose(null); return; }
        event.preventDefault();
        (event.target.dataset.end ? event.target : block ? block.group : this.svg).focus({ preventScroll: true });
        this.svg.setPointerCapture(event.pointerId);
    }

    drag(event) {
        if (!this.held) return;
        const { from, block, end } = this.held;
        const to = this.at(event);
        if (block) {
            this.putBack();
            this.move(block, end, to.x - from.x, to.y - from.y);
            return;
        }
        this.rubber.removeAttribute("hidden");
        for (const [key, value] of Object.entries({ x: Math.min(from.x, to.x), y: Math.min(from.y, to.y), width: Math.abs(to.x - from.x), height: Math.abs(to.y - from.y) })) this.rubber.setAttribute(key, value);
    }

    putBack() {
        const { block, before } = this.held;
        Object.assign(block, { x1: before.x1, y1: before.y1, x2: before.x2, y2: before.y2 });
    }

    release(event) {
        const held = this.held;
        if (held && held.block && event.type === "pointercancel") { this.putBack(); this.move(held.block, held.end, 0, 0); } // the page was scrolled
        this.held = null;
        this.rubber.setAttribute("hidden", "");
        if (!held || held.block || event.type === "pointercancel") return;
        const to = this.at(event);
        const area = { left: Math.min(held.from.x, to.x), top: Math.min(held.from.y, to.y), right: Math.max(held.from.x, to.x), bottom: Math.max(held.from.y, to.y) };
        if (area.right - area.left < this.least || area.bottom - area.top < this.least) return;
        const tool = this.tool;
        this.take("");
        const made = this.made(tool, area).map((block) => this.add(block));
        if (!made.length) return;
        this.choose(made[0]);
        made[0].group.focus({ preventScroll: true });
    }

    move(block, end, x, y) {
        if (end !== "last") { block.x1 += x; block.y1 += y; }
        if (end !== "first") { block.x2 += x; block.y2 += y; }
        this.keep(block, end);
        for (const name of ["x1", "y1", "x2", "y2"]) block[name] = tidy(block[name]);
        this.draw(block);
        this.show();
    }

    nudge(event) {
        const block = this.owner(event.target);
        const ways = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
        if (!block) return;
        if (event.code === "Delete" || event.code === "Backspace") { event.preventDefault(); this.remove(block); return; }
        const way = ways[event.code];
        if (!way || event.ctrlKey || event.altKey || event.metaKey) return;
        event.preventDefault();
        const step = this.steps[event.shiftKey ? 1 : 0];
        this.move(block, event.target.dataset.end || "", way[0] * step, way[1] * step);
    }
}
