import { defineConfig } from "@playwright/test";

const executablePath = process.env.CHROMIUM_PATH;

// Every journey talks to a real product on a port and a database of its own, so one at a time is enough for two cores.
export default defineConfig({
  testDir: "journeys",
  outputDir: "../test-results",
  timeout: 60_000,
  expect: { timeout: 10_000 },
  workers: 1,
  forbidOnly: true,
  use: {
    browserName: "chromium",
    launchOptions: { args: ["--no-sandbox"], ...(executablePath ? { executablePath } : {}) },
    locale: "en-US",
    trace: "retain-on-failure",
    screenshot: "only-on-failure",
    video: "off",
  },
});
