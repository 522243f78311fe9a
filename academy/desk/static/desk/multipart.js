// Films go to storage in parts. A broken connection is waited for; after a reload the same file goes on where it was,
// since the server knows it by name, size and time and says what has arrived.
"use strict";

const PARTS_TOGETHER = 3;
const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 30_000;
const STALLED_MS = 60_000;
const MAX_REFUSALS = 5; // by storage, of one part
const MAX_BEGINNINGS = 3; // when storage or the time limit ended it on the way
const MEGABYTE = 1024 * 1024;

// Ended on the way: begun anew, it may still arrive.
class Ended extends Error {}

class FilmSender {
    constructor(sender, file, kind, bar, state) {
        Object.assign(this, { sender, file, kind, bar, state, texts: sender.texts });
        this.sent = new Map(); // part number -> bytes
    }

    async send() {
        for (let beginning = 1; ; beginning += 1) {
            try {
                return await this.sendOnce();
            } catch (error) {
                const isEnded = error instanceof Ended || ["upload_used", "parts_missing", "not_found"].includes(error.code);
                if (!isEnded || beginning === MAX_BEGINNINGS) throw error;
            }
        }
    }

    async sendOnce() {
        const { file } = this;
        const film = await this.patiently(() => this.sender.ask("POST", this.texts.uploads, { file_name: file.name.slice(0, 255), content_type: this.kind, byte_count: file.size, modified_ms: file.lastModified }));
        const sizeOf = (number) => Math.min(film.part_bytes, file.size - (number - 1) * film.part_bytes);
        this.sent = new Map(film.arrived.map((number) => [number, sizeOf(number)]));
        const missing = Array.from({ length: film.part_count }, (_, index) => index + 1).filter((number) => !this.sent.has(number));
        this.show();
        this.isStopped = false;
        const line = async () => {
            while (missing.length && !this.isStopped) await this.sendPart(film, missing.shift());
        };
        try {
            await Promise.all(Array.from({ length: PARTS_TOGETHER }, line));
        } catch (error) {
            this.isStopped = true;
            throw error;
        }
        if (!film.is_complete) {
            this.state.textContent = this.texts.textCompleting;
            await this.patiently(() => this.sender.ask("POST", `${this.texts.uploads}/${film.id}/complete`));
        }
        return film.id;
    }

    async sendPart(film, number) {
        const start = (number - 1) * film.part_bytes;
        const bytes = await this.file.slice(start, start + film.part_bytes).arrayBuffer().catch(() => { throw new Error(this.texts.textChanged); });
        let refusals = 0;
        await this.patiently(async () => {
            const [part] = await this.sender.ask("POST", `${this.texts.uploads}/${film.id}/parts`, { numbers: [number] });
            const status = await this.put(part.url, bytes, (count) => { this.sent.set(number, count); this.show(); });
            if (status < 300) return;
            if (status === 404) throw new Ended(this.texts.textLost);
            if (status < 500) refusals += 1; // a link that came too late, or one that will never do
            throw refusals < MAX_REFUSALS ? new Lost(this.texts.textLost) : new Error(this.texts.textLost);
        }, () => { this.sent.delete(number); return this.isStopped; });
        this.sent.set(number, bytes.byteLength);
        this.show();
    }

    // Resolves with the status that storage answered; rejects as Lost when nothing moves any more.
    put(url, bytes, onSent) {
        return new Promise((resolve, reject) => {
            const request = new XMLHttpRequest();
            let watch;
            const moving = () => { window.clearTimeout(watch); watch = window.setTimeout(() => request.abort(), STALLED_MS); };
            request.upload.addEventListener("progress", (event) => { moving(); onSent(event.loaded); });
            request.addEventListener("load", () => resolve(request.status));
            for (const kind of ["error", "abort"]) request.addEventListener(kind, () => reject(new Lost(this.texts.textLost)));
            request.addEventListener("loadend", () => window.clearTimeout(watch));
            request.open("PUT", url);
            request.send(bytes);
            moving();
        });
    }

    // Again and again while the way is broken, more seldom each time and at once when the browser is online again.
    async patiently(work, isEnough = () => false) {
        for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(2 * pause, LONGEST_PAUSE_MS)) {
            try {
                return await work();
            } catch (error) {
                if (!(error instanceof Lost) || isEnough()) throw error;
            }
            this.state.textContent = this.texts.textWaiting;
            this.state.classList.add("is-waiting");
            await new Promise((resolve) => {
                window.setTimeout(resolve, pause);
                window.addEventListener("online", resolve, { once: true });
            });
        }
    }

    show() {
        const sent = [...this.sent.values()].reduce((sum, count) => sum + count, 0);
        const shown = (bytes) => (bytes / MEGABYTE).toLocaleString(undefined, { maximumFractionDigits: bytes < 100 * MEGABYTE ? 1 : 0 });
        this.bar.value = (100 * sent) / this.file.size;
        this.state.textContent = this.texts.textSent.replace("{sent}", shown(Math.min(sent, this.file.size))).replace("{total}", shown(this.file.size));
        this.state.classList.remove("is-waiting");
    }
}
