import type { ConversationId } from "@presszero/contracts";
import { IconMessages } from "@tabler/icons-react";
import { useNavigate, useParams } from "@tanstack/react-router";
import { lazy, Suspense, useCallback, useRef, useState } from "react";
import { useSync } from "../conversations.tsx";
import { useT } from "../i18n.ts";
import { customerName } from "../person.tsx";
import { useMay } from "../session.ts";
import { Notice } from "../shell/notice.tsx";
import { useConversationActions } from "./actions.tsx";
import type { ComposerHandle } from "./composer.tsx";
import { ConversationList } from "./conversation-list.tsx";
import classes from "./inbox.module.css";
import { useRoom } from "./room.ts";
import { useShortcuts } from "./shortcuts.ts";
import { ThreadSkeleton } from "./thread-skeleton.tsx";
import { viewOf } from "./views.ts";

// The list is drawn first; what stands beside it loads at the same time and does not hold it up.
const paneModule = import("./conversation-pane.tsx");
const ConversationPane = lazy(() => paneModule);
const HelpSheet = lazy(() => import("./help-sheet.tsx"));

export function Inbox() {
  const t = useT();
  const params = useParams({ from: "/signed-in/inbox/{-$view}/{-$conversationId}" });
  const view = viewOf(params.view);
  const conversationId = params.conversationId as ConversationId | undefined;
  const navigate = useNavigate();
  const sync = useSync();
  const room = useRoom();
  const order = useRef<readonly string[]>([]);
  const composer = useRef<ComposerHandle>(null);
  const [help, setHelp] = useState(false);
  const [assignAsked, setAssignAsked] = useState(0);
  const mayClose = useMay("conversations.close");
  const { close } = useConversationActions();

  const show = useCallback(
    (id: string | undefined) =>
      void navigate({ to: "/inbox/{-$view}/{-$conversationId}", params: { view, conversationId: id } }),
    [navigate, view],
  );
  const onOrder = useCallback((ids: readonly string[]) => {
    order.current = ids;
  }, []);

  /** The neighbour of the open conversation, or the first when none is open. */
  const neighbour = (step: 1 | -1): string | undefined => {
    const at = conversationId ? order.current.indexOf(conversationId) : -1;
    return at === -1 ? order.current[0] : order.current[at + step];
  };
  const move = (step: 1 | -1) => {
    const id = neighbour(step);
    if (id) show(id);
  };
  /** What comes after a conversation is done: the one below it, or the one above the last; on a phone the list. */
  const following = () => (room === "one" ? undefined : (neighbour(1) ?? neighbour(-1)));

  const closeCurrent = async () => {
    const summary = conversationId && sync.getState().conversations[conversationId]?.summary;
    if (!summary || summary.status === "closed" || !mayClose) return;
    const next = following();
    if (await close(summary.id, customerName(t, summary))) show(next);
  };

  useShortcuts({
    next: () => move(1),
    previous: () => move(-1),
    close: () => void closeCurrent(),
    assign: () => setAssignAsked((asked) => asked + 1),
    note: () => composer.current?.focus("note"),
    reply: () => composer.current?.focus("text"),
    back: () => show(undefined),
    help: () => setHelp(true),
  });

  return (
    <div className={classes.inbox} data-room={room}>
      {room === "one" && conversationId ? null : (
        <div className={classes.list}>
          <ConversationList view={view} selectedId={conversationId} onOrder={onOrder} />
        </div>
      )}
      {conversationId ? (
        <Suspense fallback={<ThreadSkeleton />}>
          <ConversationPane
            conversationId={conversationId}
            room={room}
            composer={composer}
            assignAsked={assignAsked}
            onClose={() => void closeCurrent()}
            onClosed={() => show(following())}
            onBack={() => show(undefined)}
          />
        </Suspense>
      ) : room === "one" ? null : (
        <section className={classes.pane}>
          <Notice icon={<IconMessages size={22} />} title={t("thread.noneTitle")} text={t("thread.noneText")} />
        </section>
      )}
      {help ? (
        <Suspense>
          <HelpSheet onClose={() => setHelp(false)} />
        </Suspense>
      ) : null}
    </div>
  );
}
