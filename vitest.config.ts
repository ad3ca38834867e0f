import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    // Many tests wait for a time to pass: on two cores one worker would mostly wait.
    maxWorkers: Math.max(3, availableParallelism()),
    projects: [
      {
        test: {
          name: "server",
          include: ["apps/server/src/**/*.test.ts"],
          globalSetup: "apps/server/src/kernel/testing-setup.ts",
          pool: "forks",
          testTimeout: 30_000,
          hookTimeout: 60_000,
          // A busy machine is no failure: what is waited for may take its time.
          expect: { poll: { timeout: 10_000 } },
        },
      },
      { test: { name: "packages", include: ["packages/*/src/**/*.test.ts"] } },
      { test: { name: "web apps", include: ["apps/{dashboard,widget,web-chat,site-demo}/src/**/*.test.{ts,tsx}"] } },
      { test: { name: "bench", include: ["bench/**/*.test.ts"] } },
      { test: { name: "chaos", include: ["chaos/**/*.test.ts"], testTimeout: 120_000, hookTimeout: 60_000 } },
      { test: { name: "scripts", include: ["scripts/**/*.test.ts"], testTimeout: 30_000 } },
      // Installs and starts a clean copy of the repository: `npm test` runs it after everything else.
      { test: { name: "start", include: ["e2e/start.test.ts"], testTimeout: 600_000, hookTimeout: 60_000 } },
    ],
  },
});
