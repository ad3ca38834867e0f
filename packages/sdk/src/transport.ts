import type { ClientFrame, ServerFrame } from "@presszero/contracts";
import type { Clock } from "./clock.ts";
import type { ApiClient } from "./http.ts";
import { openPolling } from "./polling.ts";
import { openSocket } from "./socket.ts";
import type { Side } from "./types.ts";
import { onOnline } from "./wake.ts";

/** What carries frames. */
export type Transport = {
  send: (frame: ClientFrame) => void;
  /** After this nothing of it is heard any more. */
  close: (code: number) => void;
};
export type TransportListener = {
  open: () => void;
  frame: (frame: ServerFrame) => void;
  close: (code: number) => void;
};

/** A socket that is not open after this long will not open. */
const openMs = 10_000;
/** So many sockets in a row that brought nothing mean that none gets through; more, if one did before. */
const enough = { before: 2, after: 5 };
const tryAgainMs = 5 * 60_000;

export type TransportPorts = {
  api: ApiClient;
  baseUrl: string;
  side: Side;
  WebSocket: typeof globalThis.WebSocket | undefined;
  clock: Clock;
};

/**
 * Opens sockets, and where none gets through polls instead (CR8). While it polls it tries a socket again every five
 * minutes and when the network has changed; one that opens ends the polling, and the client comes back with a socket.
 */
export function createTransports({ api, baseUrl, side, WebSocket, clock }: TransportPorts) {
  let inVain = 0;
  let hasWorked = false;
  /** While it polls: when a socket is tried next, and how to do so now. */
  let tryAt = 0;
  let tryNow = () => {};

  const socketTo = (on: TransportListener) => openSocket(WebSocket ?? globalThis.WebSocket, baseUrl, on);

  function open(on: TransportListener): Transport {
    return inVain < (hasWorked ? enough.after : enough.before) ? openWatched(on) : openPolled(on);
  }

  /** A socket, of which is noted whether it brings anything. */
  function openWatched(on: TransportListener): Transport {
    inVain++;
    tryAt = clock.now() + tryAgainMs;
    const end = (code: number) => {
      cancel();
      on.close(code);
    };
    const cancel = clock.after(openMs, () => {
      transport.close(4000);
      end(1006);
    });
    const transport = socketTo({
      open: () => {
        cancel();
        on.open();
      },
      frame: (frame) => {
        inVain = 0;
        hasWorked = true;
        on.frame(frame);
      },
      close: end,
    });
    return {
      send: transport.send,
      close: (code) => {
        cancel();
        transport.close(code);
      },
    };
  }

  function openPolled(on: TransportListener): Transport {
    let probe: Transport | null = null;
    let cancel = () => {};
    const leave = () => {
      cancel();
      probe?.close(1000);
      tryNow = () => {};
    };
    const end = (code: number) => {
      leave();
      on.close(code);
    };
    const polling = openPolling({ api, side, clock }, { ...on, close: end });
    const found = () => {
      inVain = 0;
      polling.close(1012);
      end(1012);
    };
    const tryLater = () => {
      cancel = clock.after(Math.max(0, tryAt - clock.now()), () => tryNow());
    };
    tryNow = () => {
      cancel();
      probe?.close(1000);
      probe = socketTo({ open: found, frame: () => {}, close: () => {} });
      tryAt = clock.now() + tryAgainMs;
      tryLater();
    };
    tryLater();
    return {
      send: polling.send,
      close: (code) => {
        leave();
        polling.close(code);
      },
    };
  }

  /** What was true of the network before may not be true of this one. */
  const end = onOnline(() => {
    hasWorked = false;
    inVain = 0;
    tryNow();
  });
  return { open, end };
}
