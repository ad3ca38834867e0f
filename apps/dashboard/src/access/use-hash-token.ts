import { useEffect, useState } from "react";

/** The `token=` of the address's hash, read once; it is taken out of the address bar so that no one copies or bookmarks it. */
export function useHashToken(): string | null {
  const [token] = useState(() => new URLSearchParams(location.hash.slice(1)).get("token"));
  useEffect(() => {
    if (location.hash) history.replaceState(history.state, "", location.pathname + location.search);
  }, []);
  return token;
}
