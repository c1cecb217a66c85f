import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

/** Where a running API is, for `npm run dev`. */
const API = process.env.API_URL ?? "http://127.0.0.1:8000";

export default defineConfig({
  base: "/ui/",
  plugins: [react()],
  build: {
    outDir: "../app/static/dist",
    emptyOutDir: true,
    // Nothing is written into the page itself: its policy allows no data: scripts or styles.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  server: {
    proxy: { "/api": API, "/health": API, "/docs": API, "/redoc": API },
  },
});
