import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { judgeLoad, type Load, type OverloadState, watchOverload } from "./overload.ts";
import { createTestCtx, type TestCtx } from "./testing.ts";

const limits = { memoryBytes: 1_000, lagMs: 200, poolWaitMs: 2_000 };
const calm: Load = { memoryBytes: 100, lagMs: 5, poolWaitMs: 0 };

/** Whether it is too much after each of these seconds. */
function run(loads: readonly Load[]): boolean[] {
  let state: OverloadState = { laggingSince: null, troubledAt: null };
  return loads.map((load, second) => {
    state = judgeLoad(state, load, limits, second * 1_000);
    return state.troubledAt !== null;
  });
}
const repeat = (count: number, load: Load) => Array.from({ length: count }, () => load);

describe("[BP4] the load of a process", () => {
  it("is too much at once for memory and waiting queries", () => {
    expect(run([calm, { ...calm, memoryBytes: 1_001 }])).toEqual([false, true]);
    expect(run([calm, { ...calm, poolWaitMs: 2_001 }])).toEqual([false, true]);
    expect(run([{ memoryBytes: 1_000, lagMs: 200, poolWaitMs: 2_000 }])).toEqual([false]);
  });

  it("is too much when the event loop lags for ten seconds, not for nine", () => {
    const late = { ...calm, lagMs: 201 };
    expect(run(repeat(11, late)).indexOf(true)).toBe(10);
    expect(run([...repeat(9, late), calm, ...repeat(9, late)])).not.toContain(true);
  });

  it("is over after five calm seconds", () => {
    expect(run([{ ...calm, memoryBytes: 2_000 }, ...repeat(6, calm)])).toEqual([
      true,
      true,
      true,
      true,
      true,
      false,
      false,
    ]);
  });
});

describe("a process whose queries wait", () => {
  let system: TestCtx;
  beforeAll(async () => {
    system = await createTestCtx();
  });
  afterAll(() => system.close());

  it("notices it, and that it is over", async () => {
    const overload = { memoryBytes: Infinity, lagMs: Infinity, poolWaitMs: 500 };
    const limited = { ...system, settings: { ...system.settings, limits: { ...system.settings.limits, overload } } };
    const watch = watchOverload(limited);
    const { app } = system.database;
    const taken = await Promise.all(Array.from({ length: app.options.max }, () => app.connect()));
    const waiting = app.connect();
    await expect.poll(() => watch.isOverloaded(), { timeout: 8_000 }).toBe(true);
    for (const client of taken) client.release();
    (await waiting).release();
    await expect.poll(() => watch.isOverloaded(), { timeout: 12_000 }).toBe(false);
    watch.stop();
  });
});
