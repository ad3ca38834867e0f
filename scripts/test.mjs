// `npm test [-- PATTERN]`: the tests of all workspaces, the browser journeys, and the start of a clean copy. Ends with one
// summary line.
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fail, prepare, runLoudly, runQuietly, toolEnvironment } from "./toolchain.mjs";
import { buildWebApps } from "./web-apps.mjs";

const patterns = process.argv.slice(2);
const reports = mkdtempSync(join(tmpdir(), "presszero-test-reports-"));
process.on("exit", () => rmSync(reports, { recursive: true, force: true }));

await prepare();
await buildWebApps();
const chromium = await findChromium();

const total = { passed: 0, failed: 0, skipped: 0 };
await runPart("Tests", "vitest", ["run", "--project", "!start", "--passWithNoTests", ...patterns], readVitest);
await runPart(
  "Browser journeys",
  "playwright",
  ["test", "--config", "e2e", "--pass-with-no-tests", ...patterns],
  readPlaywright,
);
await runPart(
  "Start of a clean copy",
  "vitest",
  ["run", "--project", "start", "--passWithNoTests", ...patterns],
  readVitest,
);
console.log(summary(total));
process.exitCode = total.failed > 0 || total.passed === 0 ? 1 : 0;

async function runPart(name, command, args, read) {
  console.log(`\n── ${name}`);
  const file = join(reports, `${name.replaceAll(" ", "-")}.json`);
  const reporters =
    command === "vitest"
      ? ["--reporter=default", "--reporter=json", `--outputFile.json=${file}`]
      : ["--reporter=list,json"];
  const env = toolEnvironment({ PLAYWRIGHT_JSON_OUTPUT_FILE: file, ...(chromium && { CHROMIUM_PATH: chromium }) });
  const code = await runLoudly(command, [...args, ...reporters], { env });
  const counts = existsSync(file) ? read(JSON.parse(readFileSync(file, "utf8"))) : { passed: 0, failed: 0, skipped: 0 };
  // A crash, a file that does not load or an error outside of any test leaves no failed test behind.
  if (code !== 0 && counts.failed === 0) counts.failed = 1;
  console.log(`── ${name}: ${summary(counts)}`);
  for (const key of Object.keys(total)) total[key] += counts[key];
}

function readVitest(report) {
  const unloaded = report.testResults.filter((file) => file.status === "failed" && file.assertionResults.length === 0);
  return {
    passed: report.numPassedTests,
    failed: report.numFailedTests + unloaded.length,
    skipped: report.numPendingTests + report.numTodoTests,
  };
}

function readPlaywright({ stats, errors }) {
  return { passed: stats.expected, failed: stats.unexpected + stats.flaky + errors.length, skipped: stats.skipped };
}

function summary({ passed, failed, skipped }) {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`;
}

/** The path of an installed Chromium; null when Playwright has to use the one that it downloaded. */
async function findChromium() {
  const known = [process.env.CHROMIUM_PATH, "/usr/bin/chromium"].find((path) => path && existsSync(path));
  if (known) return known;
  if (process.getuid?.() === 0 && existsSync("/etc/debian_version")) {
    console.log("Installing Debian's Chromium for the browser journeys…");
    const update = await runQuietly("apt-get", ["update"]);
    const install = await runQuietly("apt-get", ["install", "-y", "--no-install-recommends", "chromium"], {
      env: toolEnvironment({ DEBIAN_FRONTEND: "noninteractive" }),
    });
    if (install.code === 0) return "/usr/bin/chromium";
    fail(
      `${update.output}${install.output}\nChromium could not be installed (see above); set CHROMIUM_PATH to the one you have.`,
    );
  }
  console.log("Installing Playwright's Chromium for the browser journeys…");
  const { code, output } = await runQuietly("playwright", ["install", "chromium"]);
  if (code !== 0)
    fail(`${output}\nChromium could not be installed (see above); set CHROMIUM_PATH to the one you have.`);
  return null;
}
