import { defineConfig } from "vite";

export default defineConfig({
  base: "/chat/",
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: { outDir: "dist", target: "es2023", cssTarget: ["chrome123", "firefox120", "safari17.5"] },
});
