// Builds the web apps whose sources changed. An app is a folder in apps/ whose package.json has a `build` script that
// writes dist/.
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fail, npm, root, runQuietly } from "./toolchain.mjs";

function listWorkspaces() {
  const workspaces = new Map();
  for (const group of ["apps", "packages"]) {
    for (const folder of readdirSync(join(root, group))) {
      const manifest = join(root, group, folder, "package.json");
      if (!existsSync(manifest)) continue;
      const { name, scripts, dependencies } = JSON.parse(readFileSync(manifest, "utf8"));
      workspaces.set(name, {
        name,
        folder: join(root, group, folder),
        scripts,
        dependencies: Object.keys(dependencies ?? {}),
      });
    }
  }
  return workspaces;
}

/** The web apps, as `{ name, folder, scripts, dependencies }`. */
export function listWebApps(workspaces = listWorkspaces()) {
  return [...workspaces.values()].filter((workspace) => workspace.scripts?.build);
}

function hashFolder(hash, folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1))) {
    if (["node_modules", "dist"].includes(entry.name) || entry.name.includes(".test.")) continue;
    const path = join(folder, entry.name);
    if (entry.isDirectory()) hashFolder(hash, path);
    else hash.update(path.slice(root.length)).update("\0").update(readFileSync(path));
  }
}

/** A hash over everything that the built app is made of. */
function hashSources(app, workspaces) {
  const hash = createHash("sha256").update(readFileSync(join(root, "package-lock.json")));
  const parts = new Set([app.name]);
  for (const name of parts) {
    const workspace = workspaces.get(name);
    hashFolder(hash, workspace.folder);
    for (const dependency of workspace.dependencies) if (workspaces.has(dependency)) parts.add(dependency);
  }
  return hash.digest("hex");
}

/** Builds side by side whatever changed since the last build; quiet unless a build fails. */
export async function buildWebApps() {
  const workspaces = listWorkspaces();
  const stale = listWebApps(workspaces)
    .map((app) => ({ ...app, wanted: hashSources(app, workspaces), built: join(app.folder, "dist", ".built") }))
    .filter((app) => !existsSync(app.built) || readFileSync(app.built, "utf8") !== app.wanted);
  if (stale.length === 0) return;
  console.log(`Building ${stale.map((app) => app.name.replace("@presszero/", "")).join(", ")}…`);
  const results = await Promise.all(
    stale.map(async (app) => {
      const result = await runQuietly(...npm("run", "build", "--silent", "--workspace", app.name));
      if (result.code === 0) writeFileSync(app.built, app.wanted);
      return { name: app.name, ...result };
    }),
  );
  const failed = results.filter((result) => result.code !== 0);
  for (const { name, output } of failed) console.error(`${output}\n${name} could not be built (see above).`);
  if (failed.length > 0) fail("Press Zero did not start: a web app could not be built.");
}
