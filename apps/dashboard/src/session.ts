import type { Me, Permission } from "@presszero/contracts";
import { QueryClient, queryOptions, useSuspenseQuery } from "@tanstack/react-query";
import { api, codeOf } from "./api.ts";

export type AgentMe = Extract<Me, { type: "agent" }>;

export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 30_000,
      retry: (failures, error) =>
        failures < 2 && ["UNAVAILABLE", "TIMEOUT", "INTERNAL", "RATE_LIMITED"].includes(codeOf(error)),
    },
  },
});

/** Who is signed in; null when nobody is, or when the caller is not an agent. */
export const meQuery = queryOptions({
  queryKey: ["me"],
  queryFn: async (): Promise<AgentMe | null> => {
    try {
      const me = await api("GET /v1/me");
      return me.type === "agent" ? me : null;
    } catch (error) {
      if (codeOf(error) === "UNAUTHENTICATED") return null;
      throw error;
    }
  },
  staleTime: Infinity,
});

/** Only inside the signed-in part of the app: its route has loaded `me`. */
export function useMe(): AgentMe {
  const me = useSuspenseQuery(meQuery).data;
  if (!me) throw new Error("nobody is signed in");
  return me;
}

export function useMay(permission: Permission): boolean {
  return useMe().permissions.includes(permission);
}
