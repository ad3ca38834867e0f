import { setImmediate as turn } from "node:timers/promises";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createBatcher } from "./batcher.ts";

/** Rows by number: negative ones fail, and turns of the loop pass between them. */
const arrivals = fc.array(fc.record({ row: fc.integer({ min: -3, max: 12 }), turns: fc.nat({ max: 2 }) }), {
  minLength: 1,
  maxLength: 30,
});

describe("a batcher", () => {
  it("answers each row once and with its own result, keeps the order, and lets a row that fails fail alone", async () => {
    await fc.assert(
      fc.asyncProperty(arrivals, fc.integer({ min: 1, max: 5 }), async (rows, maxRows) => {
        const done: number[] = [];
        let running = 0;
        const batcher = createBatcher<{ row: number; place: number }, string>({
          maxRows,
          isForAll: () => false,
          run: async (batch) => {
            expect(++running).toBe(1);
            expect(batch.length).toBeLessThanOrEqual(maxRows);
            await turn();
            running--;
            if (batch.some(({ row }) => row < 0)) throw new Error("one of them fails");
            done.push(...batch.map(({ place }) => place));
            return batch.map(({ row, place }) => `${place}: ${row}`);
          },
        });
        const answers: Promise<string>[] = [];
        for (const [place, { row, turns }] of rows.entries()) {
          const answer = batcher.add({ row, place });
          answer.catch(() => {});
          answers.push(answer);
          for (let left = turns; left > 0; left--) await turn();
        }
        await batcher.idle();
        const settled = await Promise.allSettled(answers);
        for (const [place, { row }] of rows.entries()) {
          if (row < 0) expect(settled[place]).toMatchObject({ status: "rejected" });
          else expect(settled[place]).toEqual({ status: "fulfilled", value: `${place}: ${row}` });
        }
        expect(done).toEqual(done.toSorted((a, b) => a - b));
      }),
      { numRuns: 60 },
    );
  });

  it("tells an error that concerns all to all, and goes on with the next batch", async () => {
    let isBroken = true;
    const batcher = createBatcher<number, number>({
      maxRows: 10,
      isForAll: () => true,
      run: async (rows) => {
        if (isBroken) throw new Error("no connection");
        return rows;
      },
    });
    const lost = await Promise.allSettled([batcher.add(1), batcher.add(2)]);
    expect(lost.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    isBroken = false;
    expect(await batcher.add(3)).toBe(3);
  });
});
