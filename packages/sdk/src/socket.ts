import type { ClientFrame, ServerFrame } from "@presszero/contracts";
import { realtimePath, subProtocol } from "@presszero/contracts/protocol";

export type Socket = {
  send: (frame: ClientFrame) => void;
  /** After this nothing of the socket is heard any more. */
  close: (code: number) => void;
};

/** Opens the realtime socket of a server. A frame that cannot be read ends the connection like a broken line. */
export function openSocket(
  WebSocket: typeof globalThis.WebSocket,
  baseUrl: string,
  on: { open: () => void; frame: (frame: ServerFrame) => void; close: (code: number) => void },
): Socket {
  const socket = new WebSocket(realtimeUrl(baseUrl), subProtocol);
  let isHeard = true;
  const end = (code: number) => {
    if (!isHeard) return;
    isHeard = false;
    on.close(code);
  };
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

/** "http" becomes "ws", "https" becomes "wss". Without `URL`, whose setters React Native lacks. */
function realtimeUrl(baseUrl: string): string {
  const { location } = globalThis as { location?: { origin: string } };
  return (baseUrl || (location?.origin ?? "")).replace(/^http/, "ws").replace(/\/+$/, "") + realtimePath;
}
