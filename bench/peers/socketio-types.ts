// Socket.IO is an optional package: what the peer needs of it, so that the types do not depend on its being installed.
import type { Server as HttpServer } from "node:http";

type PeerSocket = {
  handshake: { query: Record<string, unknown> };
  join(room: string): unknown;
  on<T>(name: string, listener: (message: T) => void): void;
};
type PeerServer = {
  on(name: "connection", listener: (socket: PeerSocket) => void): void;
  to(room: string): { emit(name: string, message: unknown): void };
};

const name: string = "socket.io";

export function hasSocketIo(): boolean {
  try {
    import.meta.resolve(name);
    return true;
  } catch {
    return false;
  }
}

export async function createPeerServer(http: HttpServer): Promise<PeerServer> {
  const { Server } = (await import(name)) as { Server: new (http: HttpServer) => PeerServer };
  return new Server(http);
}
