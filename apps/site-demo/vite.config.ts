import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

const page = (name: string) => fileURLToPath(new URL(`${name}.html`, import.meta.url));

export default defineConfig({
  base: "/demo/",
  build: {
    outDir: "dist",
    target: "es2023",
    cssTarget: ["chrome123", "firefox120", "safari17.5"],
    rolldownOptions: { input: [page("index"), page("product"), page("delivery")] },
  },
});
