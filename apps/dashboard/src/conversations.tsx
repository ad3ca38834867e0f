import type { AgentId } from "@presszero/contracts";
import { createSync, type DeviceStorage, openStorage, type State, type Sync } from "@presszero/sdk";
import { createContext, use, useEffect, useState, useSyncExternalStore, type ReactNode } from "react";
import { api, baseUrl } from "./api.ts";

const SyncContext = createContext<Sync | null>(null);

/** Holds the live connection of the signed-in agent. Shows `fallback` until the device's unsent messages are read. */
export function SyncProvider({
  agentId,
  fallback,
  children,
}: {
  agentId: AgentId;
  fallback: ReactNode;
  children: ReactNode;
}) {
  const [sync, setSync] = useState<Sync | null>(null);

  useEffect(() => {
    let current: Sync | null = null;
    let storage: DeviceStorage | null = null;
    let ended = false;
    void openStorage(agentId).then((opened) => {
      if (ended) return opened.close();
      storage = opened;
      current = createSync({ api, baseUrl, side: "business", client: "dashboard/0.1.0", storage });
      current.start();
      setSync(current);
    });
    const warn = (event: BeforeUnloadEvent) => {
      if (current?.warnOnUnload()) event.preventDefault();
    };
    addEventListener("beforeunload", warn);
    return () => {
      ended = true;
      removeEventListener("beforeunload", warn);
      current?.stop();
      storage?.close();
      setSync(null);
    };
  }, [agentId]);

  return sync ? <SyncContext value={sync}>{children}</SyncContext> : fallback;
}

export function useSync(): Sync {
  const sync = use(SyncContext);
  if (!sync) throw new Error("useSync outside SyncProvider");
  return sync;
}

/** `select` answers a part of the state, or something that compares equal as long as it did not change. */
export function useSyncState<Part>(select: (state: State) => Part): Part {
  const sync = useSync();
  return useSyncExternalStore(sync.subscribe, () => select(sync.getState()));
}
