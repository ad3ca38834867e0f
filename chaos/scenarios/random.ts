import { setTimeout as sleep } from "node:timers/promises";
import { runNemesis } from "../nemesis.ts";
import type { Scenario } from "../scenario.ts";

export const random: Scenario = {
  name: "random",
  faults: "a seeded mix",
  expects: "whatever breaks, in whatever order: nothing is lost, doubled, out of order or shown to strangers",
  seconds: 60,
  async run({ world, seconds }) {
    world.traffic.start();
    await sleep(2000);
    await runNemesis(world, seconds, world.random);
    world.time("a message is stored after the last fault", await world.untilUsable(), 15);
    await sleep(2000);
    world.time("all devices agree again", await world.settle(), 30);
  },
};
