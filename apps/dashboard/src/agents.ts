import type { Agent } from "@presszero/contracts";
import { useQuery } from "@tanstack/react-query";
import { api } from "./api.ts";

export const agentsKey = ["agents"];

async function loadAgents(): Promise<Agent[]> {
  const agents: Agent[] = [];
  let cursor: string | undefined;
  do {
    const page = await api("GET /v1/agents", { query: { limit: 100, cursor } });
    agents.push(...page.items);
    cursor = page.next ?? undefined;
  } while (cursor !== undefined);
  return agents;
}

/** All agents of the company. */
export function useAgents(enabled = true) {
  return useQuery({ queryKey: agentsKey, queryFn: loadAgents, enabled });
}
