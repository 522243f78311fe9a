import { createHash } from "node:crypto";
import { readFile, rename } from "node:fs/promises";
import { fileURLToPath } from "node:url";

import react from "@vitejs/plugin-react";
import { VitePWA } from "vite-plugin-pwa";
import { defineConfig } from "vitest/config";

const built = fileURLToPath(new URL("../build/frontend", import.meta.url));

/** The page lies apart from the files: the server answers with it itself, under its policy, for an academy's host. */
const pageApart = {
  name: "page-apart",
  apply: "build" as const,
  closeBundle: {
    order: "post" as const,
    sequential: true,
    handler: () => rename(`${built}/files/index.html`, `${built}/index.html`),
  },
};

export default defineConfig({
  build: {
    outDir: `${built}/files`,
    emptyOutDir: true,
    manifest: "manifest.json", // scripts/sizes.mjs reads it
    target: "es2022",
    modulePreload: { polyfill: false }, // it would be an inline script
    assetsInlineLimit: 0,
  },
  plugins: [
    react(),
    VitePWA({
      registerType: "prompt",
      injectRegister: false,
      manifest: false, // the server writes one per academy
      workbox: {
        globPatterns: ["assets/*.{js,css}", "icons/*.{png,svg}"],
        globIgnores: ["assets/hls-*.js"], // fetched by who watches a lecture; without a network there is none
        navigateFallback: "/",
        navigateFallbackDenylist: [/^\/(api|admin|static|dev|health|ready)(\/|$)/],
        cleanupOutdatedCaches: true,
        inlineWorkboxRuntime: true,
        importScripts: ["/notices.js"],
        manifestTransforms: [
          async (entries) => {
            const page = await readFile(`${built}/files/index.html`);
            const revision = createHash("sha256").update(page).digest("hex").slice(0, 16);
            return { manifest: [...entries, { url: "/", revision, size: page.length }], warnings: [] };
          },
        ],
      },
    }),
    pageApart,
  ],
  server: { proxy: { "/api": "http://hana.localhost:8000", "/manifest.webmanifest": "http://hana.localhost:8000" } },
  test: { include: ["src/**/*.test.ts"], environment: "node" },
});
