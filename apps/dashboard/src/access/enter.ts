import type { Me } from "@presszero/contracts";
import { router } from "../router.tsx";
import { meQuery, queryClient } from "../session.ts";

/** After a sign-in: remember who it is, and go where the person wanted to; `next` is an internal path. */
export async function enter(me: Me, next = "/"): Promise<void> {
  queryClient.clear();
  queryClient.setQueryData(meQuery.queryKey, me.type === "agent" ? me : null);
  await router.navigate({ href: next, replace: true });
}
