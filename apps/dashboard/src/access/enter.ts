import type { Me } from "@presszero/contracts";
import type { useNavigate } from "@tanstack/react-router";
import { isInternalPath } from "../internal-path.ts";
import { meQuery, queryClient } from "../session.ts";

/**
 * After a sign-in: remember who it is, and go where the person wanted to. `next` comes from the address, where anybody may
 * have put anything: checked here, because the router hands on search values that a route's `validateSearch` left out.
 */
export async function enter(navigate: ReturnType<typeof useNavigate>, me: Me, next?: string): Promise<void> {
  queryClient.clear();
  queryClient.setQueryData(meQuery.queryKey, me.type === "agent" ? me : null);
  await navigate({ href: isInternalPath(next, location.origin) ? next : "/", replace: true });
}
