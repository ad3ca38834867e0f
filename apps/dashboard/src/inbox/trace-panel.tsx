import { Button, Drawer, Skeleton } from "@mantine/core";
import type { Message } from "@presszero/contracts";
import { useQuery } from "@tanstack/react-query";
import { useEffect } from "react";
import { api } from "../api.ts";
import { useSyncState } from "../conversations.tsx";
import { errorText } from "../errors.ts";
import { useT } from "../i18n.ts";
import { useRoom } from "./room.ts";
import { TraceTimeline } from "./trace-timeline.tsx";
import classes from "./trace.module.css";

/** While the panel is open, what changes is shown within this time; a mark of the other side at once. */
const refreshMs = 2_000;

/** The life of one message, in a panel that keeps itself current. */
export default function TracePanel({ message, onClose }: { message: Message; onClose: () => void }) {
  const t = useT();
  const room = useRoom();
  const { id: messageId, conversationId } = message;
  const trace = useQuery({
    queryKey: ["trace", messageId],
    queryFn: () =>
      api("GET /v1/conversations/:conversationId/messages/:messageId/trace", { params: { conversationId, messageId } }),
    refetchInterval: refreshMs,
    staleTime: 0,
  });
  const { refetch } = trace;
  const marks = useSyncState((state) => state.conversations[conversationId]?.summary.marks);
  useEffect(() => void refetch(), [refetch, marks]);

  return (
    <Drawer
      opened
      onClose={onClose}
      returnFocus={false}
      position="right"
      size={room === "one" ? "100%" : 440}
      title={
        <>
          {t("trace.title")}
          {trace.data && !trace.error ? (
            <span className={classes.live} aria-hidden>
              {t("trace.live")}
            </span>
          ) : null}
        </>
      }
      closeButtonProps={{ "aria-label": t("common.close") }}
    >
      {trace.data ? (
        <>
          {trace.error ? <Stale error={trace.error} onRetry={() => void refetch()} /> : null}
          <TraceTimeline trace={trace.data} />
        </>
      ) : trace.error ? (
        <div className={classes.failed} role="alert">
          <p>{errorText(t, trace.error)}</p>
          <Button variant="default" loading={trace.isFetching} onClick={() => void refetch()}>
            {t("common.retry")}
          </Button>
        </div>
      ) : (
        <TraceSkeleton />
      )}
    </Drawer>
  );
}

/** What is shown was true a moment ago. */
function Stale({ error, onRetry }: { error: unknown; onRetry: () => void }) {
  const t = useT();
  return (
    <p className={classes.stale} role="status">
      {errorText(t, error)}{" "}
      <Button size="compact-xs" variant="subtle" onClick={onRetry}>
        {t("common.retry")}
      </Button>
    </p>
  );
}

function TraceSkeleton() {
  const t = useT();
  return (
    <div role="status" aria-busy aria-label={t("common.loading")}>
      <Skeleton height={64} radius={12} />
      <div className={classes.steps}>
        {[58, 74, 44, 66, 52].map((width) => (
          <div key={width} className={classes.step}>
            <span className={classes.marker}>
              <Skeleton height={28} circle />
            </span>
            <div className={classes.body}>
              <Skeleton height={14} width="34%" mt={7} />
              <Skeleton height={12} width={`${width}%`} mt={8} />
            </div>
          </div>
        ))}
      </div>
    </div>
  );
}
