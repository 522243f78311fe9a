/** Whether what a phone has to load stays small: the gzipped JavaScript of the log-in, and of the shell with its home. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const KIB = 1024;
const BUDGETS = [
  { name: "log-in", limit: 200 * KIB, modules: ["index.html", "src/features/entry/LogIn.tsx"] },
  { name: "shell", limit: 300 * KIB, modules: ["index.html", "src/shell/Shell.tsx", "src/features/home/Home.tsx"] },
  // What plays a lecture of several qualities is loaded by nothing else.
  { name: "lecture", limit: 300 * KIB, modules: ["index.html", "src/shell/Shell.tsx", "src/features/lectures/hls.ts"] },
];

const files = fileURLToPath(new URL("../../build/frontend/files/", import.meta.url));
const manifest = JSON.parse(readFileSync(`${files}manifest.json`, "utf8"));

/** The scripts that a module needs before it runs: its own and what it imports, not what it may load later. */
function scriptsOf(module, found = new Set()) {
  const chunk = manifest[module];
  if (!chunk) throw new Error(`the build has no ${module}`);
  if (found.has(chunk.file)) return found;
  found.add(chunk.file);
  for (const imported of chunk.imports ?? []) scriptsOf(imported, found);
  return found;
}

let isTooLarge = false;
for (const { name, limit, modules } of BUDGETS) {
  const scripts = new Set(modules.flatMap((module) => [...scriptsOf(module)]));
  let bytes = 0;
  for (const script of scripts) bytes += gzipSync(readFileSync(files + script)).length;
  isTooLarge ||= bytes > limit;
  console.log(`${name}: ${(bytes / KIB).toFixed(1)} KiB of JavaScript gzipped, at most ${limit / KIB}`);
}
process.exitCode = isTooLarge ? 1 : 0;
