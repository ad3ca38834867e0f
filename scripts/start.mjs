// `npm start`: installs and builds what changed, then becomes the server. Arguments are the server's; `--dev` reloads.
import { spawn } from "node:child_process";
import { become, prepare, toolEnvironment } from "./toolchain.mjs";
import { buildWebApps, listWebApps } from "./web-apps.mjs";

const args = process.argv.slice(2);
const dev = args.includes("--dev");
const server = ["apps/server/src/main.ts", ...args.filter((arg) => arg !== "--dev")];

const node = await prepare();
await buildWebApps();
if (dev) {
  const watchers = listWebApps().map((app) =>
    spawn("vite", ["build", "--watch", "--logLevel", "warn"], {
      cwd: app.folder,
      env: toolEnvironment(),
      stdio: ["ignore", "inherit", "inherit"],
    }),
  );
  process.on("exit", () => watchers.forEach((watcher) => watcher.kill()));
  become(node, ["--watch", "--watch-preserve-output", ...server]);
} else {
  become(node, server);
}
