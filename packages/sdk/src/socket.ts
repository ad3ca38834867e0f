import type { ServerFrame } from "@presszero/contracts";
import { realtimePath, subProtocol } from "@presszero/contracts/protocol";
import type { Transport, TransportListener } from "./transport.ts";

/**
 * Opens the realtime socket of a server. A frame that cannot be read ends the connection like a broken line, and so does
 * a socket that the platform refuses to make.
 */
export function openSocket(WebSocket: typeof globalThis.WebSocket, baseUrl: string, on: TransportListener): Transport {
  let isHeard = true;
  const end = (code: number) => {
    if (!isHeard) return;
    isHeard = false;
    on.close(code);
  };
  const socket = makeSocket(WebSocket, baseUrl);
  if (socket === null) {
    queueMicrotask(() => end(1006));
    return { send: () => {}, close: () => void (isHeard = false) };
  }
  socket.onopen = () => isHeard && on.open();
  socket.onclose = (event) => end(event.code);
  socket.onerror = () => end(1006);
  socket.onmessage = (event) => {
    if (!isHeard) return;
    let frame: ServerFrame;
    try {
      frame = JSON.parse(String(event.data)) as ServerFrame;
    } catch {
      socket.close(4000);
      return end(1006);
    }
    on.frame(frame);
  };
  return {
    send: (frame) => {
      if (socket.readyState === 1) socket.send(JSON.stringify(frame));
    },
    close: (code) => {
      isHeard = false;
      socket.close(code);
    },
  };
}

function makeSocket(WebSocket: typeof globalThis.WebSocket, baseUrl: string): WebSocket | null {
  try {
    return new WebSocket(realtimeUrl(baseUrl), subProtocol);
  } catch {
    return null; // Not there, or not allowed by the page's policy.
  }
}

/** "http" becomes "ws", "https" becomes "wss". Without `URL`, whose setters React Native lacks. */
function realtimeUrl(baseUrl: string): string {
  const { location } = globalThis as { location?: { origin: string } };
  return (baseUrl || (location?.origin ?? "")).replace(/^http/, "ws").replace(/\/+$/, "") + realtimePath;
}
