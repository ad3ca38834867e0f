import type { Me } from "@presszero/contracts";
import type { useNavigate } from "@tanstack/react-router";
import { meQuery, queryClient } from "../session.ts";

/** After a sign-in: remember who it is, and go where the person wanted to; `next` is an internal path. */
export async function enter(navigate: ReturnType<typeof useNavigate>, me: Me, next = "/"): Promise<void> {
  queryClient.clear();
  queryClient.setQueryData(meQuery.queryKey, me.type === "agent" ? me : null);
  await navigate({ href: next, replace: true });
}
