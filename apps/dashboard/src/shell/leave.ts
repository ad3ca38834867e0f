import { api } from "../api.ts";
import { meQuery, queryClient } from "../session.ts";
import { router } from "../router.tsx";

/** Forgets who was signed in and shows the sign-in page. The server's session is over already. */
export async function leave(): Promise<void> {
  queryClient.clear();
  queryClient.setQueryData(meQuery.queryKey, null);
  await router.navigate({ to: "/sign-in" });
}

/** Ends the session on the server, then leaves. */
export async function signOut(): Promise<void> {
  await api("DELETE /v1/sessions/current");
  await leave();
}
