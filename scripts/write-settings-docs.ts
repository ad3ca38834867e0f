// `node scripts/run.mjs scripts/write-settings-docs.ts`: writes .env.example and docs/settings.md from the settings' schema.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describeSettings } from "../apps/server/src/kernel/settings.ts";

export function envExample(): string {
  const entries = describeSettings().map(({ name, meaning, default: value, example }) => {
    return `# ${plain(meaning)}\n# Default: ${plain(value)}\n#${name}=${example}\n`;
  });
  return `# Settings of Press Zero. All are optional; docs/settings.md explains them.\n\n${entries.join("\n")}`;
}

export function settingsPage(): string {
  const rows = describeSettings().map(({ name, meaning, default: value, secret }) => {
    return `| \`${name}\` | ${meaning}${secret ? " Secret." : ""} | ${value} |`;
  });
  return `# Settings

Press Zero is set up by environment variables. None is needed for trying it; what is wrong is said at the start, all at
once. A secret may also come from a file: \`NAME_FILE=/path\` instead of \`NAME\`. An empty variable counts as absent.

| variable | meaning | default |
| --- | --- | --- |
${rows.join("\n")}

On the command line, \`--roles api,gateway,worker\` says what this process does; without it, it does everything.
`;
}

const plain = (markdown: string) => markdown.replaceAll("`", "");

if (import.meta.main) {
  const root = join(import.meta.dirname, "..");
  writeFileSync(join(root, ".env.example"), envExample());
  writeFileSync(join(root, "docs/settings.md"), settingsPage());
}
