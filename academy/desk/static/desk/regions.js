// The problems of a worksheet's page: boxes in millimetres, each with the number or name that it is called by.
"use strict";

(() => {
    class Regions extends Drawing {
        constructor(form) {
            super(form, { steps: [1, 10], least: Number(form.dataset.least) });
            this.others = JSON.parse(this.texts.others);
            this.begin(JSON.parse(this.field.value || "[]").map(({ label, x, y, width, height }) => ({ label, x1: x, y1: y, x2: x + width, y2: y + height })));
            form.querySelector("#box-add").addEventListener("click", () => this.another());
            this.svg.addEventListener("keydown", (event) => {
                if (event.code !== "Enter" || !this.here) return;
                event.preventDefault();
                this.inputs[0].focus();
                this.inputs[0].select();
            });
        }

        name(block) { return block.label; }

        listed(block) { return block.label || "–"; }

        // No further right or down than where the box begins and how large it is say together.
        sent({ label, x1, y1, x2, y2 }) {
            return { label: label.trim(), x: x1, y: y1, width: tidy(x2 - x1), height: tidy(y2 - y1) };
        }

        place({ x1, y1, x2, y2 }, unit) {
            return { box: { x: x1, y: y1, width: x2 - x1, height: y2 - y1 }, title: { x: x1 + 6 * unit, y: y1 + 16 * unit } };
        }

        show() {
            const order = new Intl.Collator(undefined, { numeric: true });
            this.blocks.sort((one, other) => order.compare(one.label, other.label));
            super.show();
            const isTwice = Boolean(this.here) && this.blocks.some((block) => block !== this.here && block.label.trim() === this.here.label.trim());
            this.form.querySelector("#box-twice").hidden = !isTwice;
        }

        // The corners keep their distance, and the box stays on the paper.
        keep(block, end) {
            const [right, bottom] = [Math.floor(this.width * 10) / 10, Math.floor(this.height * 10) / 10];
            if (end === "first") {
                block.x1 = clamp(block.x1, 0, block.x2 - this.least);
                block.y1 = clamp(block.y1, 0, block.y2 - this.least);
            } else if (end === "last") {
                block.x2 = clamp(block.x2, block.x1 + this.least, right);
                block.y2 = clamp(block.y2, block.y1 + this.least, bottom);
            } else {
                const across = clamp(block.x1, 0, Math.max(right - (block.x2 - block.x1), 0)) - block.x1;
                const down = clamp(block.y1, 0, Math.max(bottom - (block.y2 - block.y1), 0)) - block.y1;
                block.x1 += across; block.x2 += across; block.y1 += down; block.y2 += down;
            }
        }

        typed(input) {
            const name = input.dataset.field;
            if (name === "label") this.here.label = input.value;
            else if (input.value === "" || !Number.isFinite(Number(input.value))) return;
            else { this.here[name] = Number(input.value); this.keep(this.here, name.endsWith("1") ? "first" : "last"); }
            this.draw(this.here);
            this.show();
        }

        made(_tool, area) {
            if (this.blocks.length >= Number(this.texts.most)) return [];
            const block = { label: this.next(), x1: tidy(area.left), y1: tidy(area.top), x2: tidy(area.right), y2: tidy(area.bottom) };
            this.keep(block, "last");
            return [block];
        }

        // The number after the page's highest, unless another page has it.
        next() {
            const taken = new Set([...this.others, ...this.blocks.map((block) => block.label.trim())]);
            let number = Math.max(0, ...this.blocks.map((block) => Number.parseInt(block.label, 10) || 0)) + 1;
            while (taken.has(String(number))) number += 1;
            return String(number);
        }

        // Without a drag: a box as large as the chosen one, or the last, below it.
        another() {
            const model = this.here || this.blocks[this.blocks.length - 1] || { x1: 15, y1: 15, x2: this.width - 15, y2: 55 };
            const down = model.y2 - model.y1 + 2;
            const below = this.blocks.length ? down : 0;
            const [block] = this.made("region", { left: model.x1, top: model.y1, right: model.x2, bottom: model.y2 });
            if (!block) return;
            this.add(block);
            this.choose(block);
            this.move(block, "", 0, below);
            block.group.focus({ preventScroll: true });
        }
    }

    document.addEventListener("DOMContentLoaded", () => {
        const form = document.getElementById("regions");
        if (form) new Regions(form);
    });
})();
