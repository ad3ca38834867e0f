import { Button, Loader } from "@mantine/core";
import { useNetwork } from "@mantine/hooks";
import { IconCloudOff, IconPlugConnectedX } from "@tabler/icons-react";
import { useNavigate } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import { useSyncState } from "../conversations.tsx";
import { useT } from "../i18n.ts";
import classes from "./connection.module.css";
import { leave } from "./leave.ts";

/** A hiccup shorter than this is not worth a word. */
const patienceMs = 1_500;

/** A line over the screen while the connection is not live. */
export function ConnectionBanner() {
  const t = useT();
  const navigate = useNavigate();
  const connection = useSyncState((state) => state.connection);
  const { online } = useNetwork();
  const [late, setLate] = useState(false);

  const live = connection.name === "live";
  useEffect(() => {
    if (live) return setLate(false);
    const timer = setTimeout(() => setLate(true), patienceMs);
    return () => clearTimeout(timer);
  }, [live]);

  if (connection.name === "stopped") {
    const signInAgain = ["SESSION_REVOKED", "UNAUTHENTICATED", "LOGOUT"].includes(connection.reason);
    return (
      <div className={classes.banner} data-kind="stopped" role="alert">
        <IconPlugConnectedX size={16} />
        <span>
          {t(
            signInAgain
              ? "connection.signedOut"
              : connection.reason === "CLIENT_TOO_OLD"
                ? "connection.tooOld"
                : "connection.stopped",
          )}
        </span>
        <Button
          size="compact-xs"
          variant="default"
          onClick={() => (signInAgain ? void leave(navigate) : location.reload())}
        >
          {t(signInAgain ? "connection.signIn" : "connection.reload")}
        </Button>
      </div>
    );
  }
  return (
    <div role="status">
      {late && !live ? (
        <div className={classes.banner}>
          {connection.name === "offline" ? <IconCloudOff size={16} /> : <Loader size={14} />}
          <span>
            {t(
              connection.name !== "offline"
                ? "connection.connecting"
                : online
                  ? "connection.unreachable"
                  : "connection.offline",
            )}
          </span>
        </div>
      ) : null}
    </div>
  );
}
