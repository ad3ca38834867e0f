// For tests only.
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/** A line to the test's database that can be cut, or go silent. */
export async function openLine(url: string) {
  const { hostname, port } = new URL(url);
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(Number(port), hostname);
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from);
      from.on("error", () => to.destroy()).on("close", () => to.destroy());
      from.pipe(to);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const through = Object.assign(new URL(url), {
    hostname: "127.0.0.1",
    port: String((server.address() as AddressInfo).port),
  });
  const cut = () => {
    for (const socket of sockets) socket.destroy();
    sockets.clear();
  };
  return {
    url: through.href,
    cut,
    silence: () => {
      for (const socket of sockets) socket.unpipe().pause();
      sockets.clear();
    },
    close: () => {
      cut();
      server.close();
    },
  };
}
