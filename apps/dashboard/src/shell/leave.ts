import type { useNavigate } from "@tanstack/react-router";
import { api } from "../api.ts";
import { meQuery, queryClient } from "../session.ts";

type Navigate = ReturnType<typeof useNavigate>;

/** Forgets who was signed in and shows the sign-in page. The server's session is over already. */
export async function leave(navigate: Navigate): Promise<void> {
  queryClient.clear();
  queryClient.setQueryData(meQuery.queryKey, null);
  await navigate({ to: "/sign-in" });
}

/** Ends the session on the server, then leaves. */
export async function signOut(navigate: Navigate): Promise<void> {
  await api("DELETE /v1/sessions/current");
  await leave(navigate);
}
