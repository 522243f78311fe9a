// The template of another maker's sheet, drawn over its blank picture: boxes of bubbles. A box is a lattice between its
// first and its last bubble; what the machine found printed there gives it its first shape. Units are pixels.
"use strict";

(() => {
    const SHOWN_BUBBLES = 3000;
    const DIGITS = 10;
    const FIELDS = ["kind", "first", "columns", "rows", "is_across", "from_one", "x1", "y1", "x2", "y2", "width", "height"];

    const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

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

    class BlankSheet extends Drawing {
        constructor(form) {
            super(form, { steps: [1, 10], least: 12 });
            this.found = JSON.parse(this.texts.found);
            this.begin(JSON.parse(this.field.value || "[]"));
        }

        dressed(block) {
            block.bubbles = this.element("g", {}, block.group);
        }

        listed(block, place) {
            const kind = this.texts[`text${block.kind[0].toUpperCase()}${block.kind.slice(1)}`];
            return `${place + 1}. ${kind}${block.kind === "student" ? "" : ` ${this.name(block)}`}`;
        }

        sent(block) {
            return Object.fromEntries(FIELDS.map((name) => [name, block[name]]));
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

        place(block, unit) {
            const { x1, y1, x2, y2, columns, rows, width, height } = block;
            const across = columns > 1 ? (x2 - x1) / (columns - 1) : 0;
            const down = rows > 1 ? (y2 - y1) / (rows - 1) : 0;
            const drawn = [];
            for (let row = 0; row < rows && columns * rows <= SHOWN_BUBBLES; row += 1) {
                for (let column = 0; column < columns; column += 1) {
                    const at = { x: x1 + column * across - width / 2, y: y1 + row * down - height / 2 };
                    drawn.push(this.element("rect", { ...at, width: Math.max(width, 1), height: Math.max(height, 1), rx: Math.min(width, height) / 2 }));
                }
            }
            block.bubbles.replaceChildren(...drawn);
            const margin = { x: 0.4 * width, y: 0.4 * height };
            const box = { x: x1 - width / 2 - margin.x, y: y1 - height / 2 - margin.y, width: x2 - x1 + width + 2 * margin.x, height: y2 - y1 + height + 2 * margin.y };
            return { box, title: { x: box.x + Math.max(box.width, 0) + 4 * unit, y: box.y + 12 * unit } }; // above it would be the next box
        }

        typed(input) {
            const name = input.dataset.field;
            if (input.value === "") return;
            if (name === "kind") this.here.kind = input.value;
            else if (input.tagName === "SELECT") this.here[name] = input.value === "true";
            else if (Number.isFinite(Number(input.value))) this.here[name] = ["first", "columns", "rows"].includes(name) ? clamp(Math.round(Number(input.value)), 0, 999) : Number(input.value);
            this.draw(this.here);
            this.show();
        }

        // The ends do not pass each other; of one column or row both lie on one line.
        keep(block, end) {
            if (end === "first") { block.x1 = Math.min(block.x1, block.x2); block.y1 = Math.min(block.y1, block.y2); }
            if (end === "last") { block.x2 = Math.max(block.x1, block.x2); block.y2 = Math.max(block.y1, block.y2); }
            if (block.columns === 1) { if (end === "last") block.x1 = block.x2; else block.x2 = block.x1; }
            if (block.rows === 1) { if (end === "last") block.y1 = block.y2; else block.y2 = block.y1; }
        }

        // ------------------------------------------------------------ what is printed there

        // Boxes for a dragged area: for questions one for every even run of columns and rows, numbered downwards.
        made(kind, area) {
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
        if (form) new BlankSheet(form);
    });
})();
