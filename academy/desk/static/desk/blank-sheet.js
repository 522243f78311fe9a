// Drawing over the picture of another maker's blank sheet: boxes of bubbles, by mouse, finger, keys or numbers. A box is
// a lattice between its first and its last bubble; what the machine found printed there gives it its first shape.
// The server checks all of it again; here only the hidden field with what is drawn is filled.
"use strict";

(() => {
    const SVG = "http://www.w3.org/2000/svg";
    const HANDLE_PX = 11; // on the screen
    const LEAST_DRAG = 12; // of the picture's pixels: less is a tap
    const SHOWN_BUBBLES = 3000;
    const DIGITS = 10;
    const ZOOMS = [100, 150, 220, 320];

    const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
    const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
    const tidy = (value) => Math.round(value * 10) / 10;

    // The middles of lines of bubbles along one axis: values closer than half a bubble are one line, and a line that
    // few others are like is print between them.
    function lines(values, size) {
        const found = [];
        for (const value of [...values].sort((a, b) => a - b)) {
            const last = found[found.length - 1];
            if (last && value - last[last.length - 1] < 0.5 * size) last.push(value);
            else found.push([value]);
        }
        const most = Math.max(0, ...found.map((line) => line.length));
        return found.filter((line) => line.length >= 0.4 * most).map((line) => line.reduce((sum, one) => sum + one, 0) / line.length);
    }

    // Lines with even gaps belong together; a wider gap begins the next box.
    function runs(middles) {
        const gaps = middles.slice(1).map((middle, place) => middle - middles[place]);
        const usual = gaps.length ? median(gaps) : 0;
        const found = [[]];
        middles.forEach((middle, place) => {
            if (place && gaps[place - 1] > 1.3 * usual) found.push([]);
            found[found.length - 1].push(middle);
        });
        return found;
    }

    class Drawing {
        constructor(form) {
            this.form = form;
            this.texts = form.dataset;
            this.svg = form.querySelector("#sheet");
            this.layer = form.querySelector("#boxes");
            this.field = form.querySelector("[name=blocks]");
            this.list = form.querySelector("#box-list");
            this.panel = form.querySelector("#box-panel");
            this.inputs = [...this.panel.querySelectorAll("[data-field]")];
            this.found = JSON.parse(this.texts.found);
            [this.width, this.height] = [Number(this.texts.width), Number(this.texts.height)];
            this.blocks = [];
            this.here = null;
            this.tool = "";
            this.zoom = 0;
            this.rubber = this.element("rect", { class: "desk-rubber", hidden: "" }, this.svg);
            for (const block of JSON.parse(this.field.value || "[]")) this.add(block);
            this.listen();
            this.choose(null);
        }

        element(name, attributes, parent) {
            const made = document.createElementNS(SVG, name);
            for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
            parent.append(made);
            return made;
        }

        listen() {
            for (const button of this.form.querySelectorAll("[data-tool]")) button.addEventListener("click", () => this.take(this.tool === button.dataset.tool ? "" : button.dataset.tool));
            for (const button of this.form.querySelectorAll("[data-zoom]")) button.addEventListener("click", () => this.scale(this.zoom + Number(button.dataset.zoom)));
            for (const input of this.inputs) input.addEventListener("input", () => this.typed(input));
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

        // ------------------------------------------------------------ boxes

        add(block) {
            block.group = this.element("g", { class: "desk-box", tabindex: "0", role: "group" }, this.layer);
            block.outline = this.element("rect", { class: "desk-box-outline" }, block.group);
            block.bubbles = this.element("g", {}, block.group);
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

        name(block) {
            const numbers = this.questions(block);
            if (block.kind === "student") return this.texts.textStudent;
            return numbers.length > 1 ? `${numbers[0]}–${numbers[numbers.length - 1]}` : `${numbers[0]}`;
        }

        questions(block) {
            if (block.kind === "student") return [];
            const count = block.kind === "numeric" ? 1 : block.is_across ? block.rows : block.columns;
            return Array.from({ length: clamp(count, 1, 500) }, (_, place) => block.first + place);
        }

        next() {
            return Math.max(0, ...this.blocks.map((block) => Math.max(0, ...this.questions(block)))) + 1;
        }

        draw(block) {
            const { x1, y1, x2, y2, columns, rows, width, height } = block;
            const across = columns > 1 ? (x2 - x1) / (columns - 1) : 0;
            const down = rows > 1 ? (y2 - y1) / (rows - 1) : 0;
            const drawn = [];
            for (let row = 0; row < rows && columns * rows <= SHOWN_BUBBLES; row += 1) {
                for (let column = 0; column < columns; column += 1) {
                    const bubble = document.createElementNS(SVG, "rect");
                    bubble.setAttribute("x", x1 + column * across - width / 2);
                    bubble.setAttribute("y", y1 + row * down - height / 2);
                    bubble.setAttribute("width", Math.max(width, 1));
                    bubble.setAttribute("height", Math.max(height, 1));
                    bubble.setAttribute("rx", Math.min(width, height) / 2);
                    drawn.push(bubble);
                }
            }
            block.bubbles.replaceChildren(...drawn);
            const margin = { x: 0.4 * width, y: 0.4 * height };
            const box = { x: x1 - width / 2 - margin.x, y: y1 - height / 2 - margin.y, width: x2 - x1 + width + 2 * margin.x, height: y2 - y1 + height + 2 * margin.y };
            for (const [key, value] of Object.entries(box)) block.outline.setAttribute(key, Math.max(value, 0));
            const unit = this.width / (this.svg.clientWidth || this.width); // the picture's pixels in one of the screen
            block.title.setAttribute("x", box.x + Math.max(box.width, 0) + 4 * unit); // above it would be the next box
            block.title.setAttribute("y", box.y + 12 * unit);
            block.title.setAttribute("font-size", 13 * unit);
            block.title.textContent = this.name(block);
            block.group.setAttribute("aria-label", this.name(block));
            block.ends.forEach((handle, end) => {
                handle.setAttribute("cx", end ? x2 : x1);
                handle.setAttribute("cy", end ? y2 : y1);
                handle.setAttribute("r", HANDLE_PX * unit);
            });
        }

        // What is drawn, as the form sends it, as the list says it and as the fields have it.
        show() {
            const fields = ["kind", "first", "columns", "rows", "is_across", "from_one", "x1", "y1", "x2", "y2", "width", "height"];
            this.field.value = JSON.stringify(this.blocks.map((block) => Object.fromEntries(fields.map((name) => [name, block[name]]))));
            this.list.replaceChildren(...this.blocks.map((block, place) => {
                const item = document.createElement("li");
                const button = document.createElement("button");
                button.type = "button";
                button.textContent = `${place + 1}. ${this.texts[`text${block.kind[0].toUpperCase()}${block.kind.slice(1)}`]}${block.kind === "student" ? "" : ` ${this.name(block)}`}`;
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

        typed(input) {
            const name = input.dataset.field;
            if (input.value === "" || !this.here) return;
            if (name === "kind") this.here.kind = input.value;
            else if (input.tagName === "SELECT") this.here[name] = input.value === "true";
            else if (Number.isFinite(Number(input.value))) this.here[name] = ["first", "columns", "rows"].includes(name) ? clamp(Math.round(Number(input.value)), 0, 999) : Number(input.value);
            this.draw(this.here);
            this.show();
        }

        // ------------------------------------------------------------ pointer and keys

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
            const { from, block, end, before } = this.held;
            const to = this.at(event);
            if (block) {
                Object.assign(block, { x1: before.x1, y1: before.y1, x2: before.x2, y2: before.y2 });
                this.move(block, end, to.x - from.x, to.y - from.y);
                return;
            }
            this.rubber.removeAttribute("hidden");
            for (const [key, value] of Object.entries({ x: Math.min(from.x, to.x), y: Math.min(from.y, to.y), width: Math.abs(to.x - from.x), height: Math.abs(to.y - from.y) })) this.rubber.setAttribute(key, value);
        }

        release(event) {
            const held = this.held;
            this.held = null;
            this.rubber.setAttribute("hidden", "");
            if (!held || held.block || event.type === "pointercancel") return;
            const to = this.at(event);
            const area = { left: Math.min(held.from.x, to.x), top: Math.min(held.from.y, to.y), right: Math.max(held.from.x, to.x), bottom: Math.max(held.from.y, to.y) };
            if (area.right - area.left < LEAST_DRAG || area.bottom - area.top < LEAST_DRAG) return;
            const tool = this.tool;
            this.take("");
            const made = this.fitted(tool, area).map((block) => this.add(block));
            this.choose(made[0]);
            made[0].group.focus({ preventScroll: true });
        }

        move(block, end, x, y) {
            if (end !== "last") { block.x1 += x; block.y1 += y; }
            if (end !== "first") { block.x2 += x; block.y2 += y; }
            if (end === "first") { block.x1 = Math.min(block.x1, block.x2); block.y1 = Math.min(block.y1, block.y2); }
            if (end === "last") { block.x2 = Math.max(block.x1, block.x2); block.y2 = Math.max(block.y1, block.y2); }
            if (block.columns === 1) { if (end === "last") block.x1 = block.x2; else block.x2 = block.x1; }
            if (block.rows === 1) { if (end === "last") block.y1 = block.y2; else block.y2 = block.y1; }
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
            const step = event.shiftKey ? 10 : 1;
            this.move(block, event.target.dataset.end || "", way[0] * step, way[1] * step);
        }

        // ------------------------------------------------------------ what is printed there

        // Boxes for a dragged area: for questions one for every even run of columns and rows, numbered downwards.
        fitted(kind, area) {
            let inside = this.found.filter(([x, y]) => x > area.left && x < area.right && y > area.top && y < area.bottom);
            if (inside.length >= 4) {
                const width = median(inside.map((box) => box[2]));
                const height = median(inside.map((box) => box[3]));
                inside = inside.filter((box) => Math.abs(box[2] / width - 1) < 0.35 && Math.abs(box[3] / height - 1) < 0.35);
                const columns = lines(inside.map((box) => box[0]), width);
                const made = [];
                let first = this.next();
                for (const across of kind === "choices" ? runs(columns) : [columns]) {
                    const mine = inside.filter((box) => box[0] > across[0] - 0.6 * width && box[0] < across[across.length - 1] + 0.6 * width);
                    const rows = lines(mine.map((box) => box[1]), height);
                    for (const down of kind === "choices" ? runs(rows) : [rows]) {
                        made.push(this.block(kind, first, across, down, width, height));
                        first = this.questionsAfter(made[made.length - 1]);
                    }
                }
                if (made.length && made.length <= 40) return made;
            }
            const [columns, rows] = kind === "choices" ? [5, 5] : [4, DIGITS];
            const [across, down] = [(area.right - area.left) / columns, (area.bottom - area.top) / rows];
            const even = (from, step, count) => Array.from({ length: count }, (_, place) => from + (place + 0.5) * step);
            return [this.block(kind, this.next(), even(area.left, across, columns), even(area.top, down, rows), 0.6 * across, 0.6 * down)];
        }

        questionsAfter(block) {
            return block.first + this.questions(block).length;
        }

        block(kind, first, columns, rows, width, height) {
            const [wide, high] = [columns.length, rows.length];
            const isFew = (count) => count === 4 || count === 5;
            const is_across = kind === "choices" ? isFew(wide) || !isFew(high) : wide === DIGITS && high !== DIGITS;
            return {
                kind, first, columns: wide, rows: high, is_across, from_one: false,
                x1: tidy(columns[0]), y1: tidy(rows[0]), x2: tidy(columns[wide - 1]), y2: tidy(rows[high - 1]),
                width: tidy(width), height: tidy(height),
            };
        }
    }

    document.addEventListener("DOMContentLoaded", () => {
        const form = document.getElementById("drawing");
        if (form) new Drawing(form);
    });
})();
