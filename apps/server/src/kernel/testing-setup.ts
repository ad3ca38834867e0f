import { startTestPostgres } from "./testing.ts";

/** vitest's globalSetup: the database lives as long as the test run. */
export default async function setup(): Promise<() => Promise<void>> {
  const postgres = await startTestPostgres();
  return () => postgres.stop();
}
