import type { ConversationId } from "@presszero/contracts";
import type { Device } from "./client.ts";
import type { Random } from "./random.ts";

export type Traffic = {
  start(): void;
  stop(): void;
  /** How many messages were sent so far. */
  sent(): number;
};

export type TrafficOptions = {
  random: Random;
  /** Between two acts of one device, ms. */
  pause: [from: number, to: number];
  /** Only messages, at a steady pace. */
  onlySends?: boolean;
};

/** People who talk: every device acts for itself, at random moments, as long as it runs. */
export function createTraffic(devices: readonly Device[], options: TrafficOptions): Traffic {
  const { random, pause } = options;
  const timers = new Map<Device, NodeJS.Timeout>();
  let sent = 0;

  function send(device: Device, c: ConversationId, kind: "text" | "note"): void {
    device.send(c, `${device.name} ${++sent}`, kind);
  }

  function act(device: Device): void {
    if (!device.isRunning() || device.held().length === 0) return;
    const c = random.pick(device.held());
    const dice = options.onlySends ? 0 : random.next();
    if (dice < 0.6) return send(device, c, "text");
    if (dice < 0.7 && device.side === "business") return send(device, c, "note");
    if (dice < 0.9) return device.markRead(c);
    device.sync().typing(c, random.next() < 0.5);
  }

  function schedule(device: Device): void {
    const again = () => {
      act(device);
      schedule(device);
    };
    timers.set(device, setTimeout(again, random.between(...pause)));
  }

  return {
    start: () => {
      for (const device of devices) schedule(device);
    },
    stop: () => {
      for (const timer of timers.values()) clearTimeout(timer);
      timers.clear();
    },
    sent: () => sent,
  };
}
