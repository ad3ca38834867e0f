import { fileURLToPath } from "node:url";
import { build, defineConfig, type Plugin } from "vite";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const target = { target: "es2023", cssTarget: ["chrome123", "firefox120", "safari17.5"] };

/** The loader is a classic script of one file, so it is a build of its own; it runs after the framed app's, into the same folder. */
function loader(): Plugin {
  let outDir: string;
  return {
    name: "presszero-loader",
    apply: "build",
    configResolved: (config) => {
      outDir = config.build.outDir;
    },
    async closeBundle() {
      await build({
        configFile: false,
        root: here("."),
        logLevel: "warn",
        build: {
          ...target,
          outDir,
          emptyOutDir: false,
          rolldownOptions: {
            input: here("src/loader/loader.ts"),
            output: { format: "iife", entryFileNames: "widget.js", codeSplitting: false },
          },
        },
      });
    },
  };
}

/** `dist` is served as /widget/, and its `widget.js` as /widget.js as well. */
export default defineConfig({
  base: "/widget/",
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  plugins: [loader()],
  build: { ...target, outDir: "dist", rolldownOptions: { input: here("frame.html") } },
});
