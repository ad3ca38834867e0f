// A device and its way to the servers: connections and requests go over one road, to any process that is up.
import { createDevice, type Device } from "./device.ts";
import { failureOf } from "./database-server.ts";
import { serve } from "./http.ts";
import { type Direction, type End, type Line, openLine, openRoad, type Road } from "./network.ts";
import type { DeviceSpec } from "./plan.ts";
import { heartbeat } from "./process.ts";
import type { Person } from "./tables.ts";
import type { World } from "./world.ts";

export type Seat = { device: Device; road: Road; lines: Set<Line> };

const requestTimeoutMs = 15_000;

export function takeSeat(world: World, spec: DeviceSpec, person: Person): Seat {
  const { scheduler, tell, watch, cores } = world;
  const { name } = spec;
  const road = openRoad();
  const lines = new Set<Line>();
  const chance = world.random(`road of ${name}`);
  const deviceId = `00000000-0000-4000-8000-${String(world.seats.size + 1).padStart(12, "0")}`;

  const pickServer = () => {
    const server = chance.pick(world.processes);
    return server.isServing() ? server : null;
  };

  /** One way over the road, which may be blocked. */
  function travel(direction: Direction, what: () => void): void {
    scheduler.after(chance.between(...road.delay), () => {
      if (road.blocks[direction] > 0) road.waiting.add(() => travel(direction, what));
      else what();
    });
  }

  const device: Device = createDevice({
    spec,
    person,
    deviceId,
    scheduler,
    random: world.random(`device ${name}`),
    cores,
    changed: (state) => watch.changed(device, state),
    sends(clientId, c, message) {
      tell(() => `${name} sends "${message.text}" (${clientId}) in ${c ?? "a new conversation"}`);
      watch.pressed(device, clientId, c, message);
    },
    dial(end, opened) {
      let line: Line | null = null;
      let isClosed = false;
      travel("up", () => {
        if (isClosed) return;
        const server = pickServer();
        if (server === null) return travel("down", () => isClosed || end.closed(1006));
        server.accept((serverEnd) => {
          const client = answering(traced(end), () => line);
          lines.add((line = openLine(scheduler, chance, road, client, serverEnd)));
          return line;
        });
        travel("down", opened);
      });
      return {
        send(text) {
          tell(() => `${name} → ${text}`);
          line?.up(text);
        },
        close(code) {
          isClosed = true;
          line?.close("client", code);
        },
      };
    },
    request(request, answer) {
      let isAnswered = false;
      const answered: typeof answer = (how) => {
        if (isAnswered) return;
        isAnswered = true;
        tell(() => `${name} ⇐ ${request.key} ${JSON.stringify(how)}`);
        answer(how);
      };
      tell(() => `${name} ⇒ ${request.key}`);
      const cancel = scheduler.after(requestTimeoutMs, () => answered({ failure: failureOf("UNAVAILABLE") }));
      const back: typeof answer = (how) =>
        travel("down", () => {
          cancel();
          answered(how);
        });
      travel("up", () => {
        const server = pickServer();
        if (server === null) return back({ failure: failureOf("UNAVAILABLE") });
        const isSignedIn = () => !world.signedOut.has(deviceId);
        server.enter(() =>
          serve({ db: world.db, tickets: world.tickets, isSignedIn }, server, { person, deviceId }, request, (how) =>
            server.enter(() => back(how)),
          ),
        );
      });
    },
  });

  function traced(end: End): End {
    if (!world.hasTrace) return end;
    return {
      receive(text) {
        tell(() => `${name} ← ${text}`);
        end.receive(text);
      },
      closed(code) {
        tell(() => `${name} ← closed ${code}`);
        end.closed(code);
      },
    };
  }

  return { device, road, lines };
}

/** A WebSocket answers pings by itself. */
function answering(end: End, line: () => Line | null): End {
  return { ...end, receive: (text) => (text === heartbeat ? line()?.up(heartbeat) : end.receive(text)) };
}
