import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

export default defineConfig({
  base: "/",
  plugins: [react()],
  build: {
    outDir: "dist",
    target: "es2022",
    // The tokens use light-dark(), which must not be rewritten: the scheme is set by attribute.
    cssTarget: ["chrome123", "firefox120", "safari17.5"],
    assetsInlineLimit: 0,
  },
  server: { proxy: { "/v1": { target: "http://localhost:4000", ws: true } } },
});
