import type { ReadonlySignal } from "@preact/signals";
import type { ConversationId } from "@presszero/contracts";
import { listConversations } from "@presszero/sdk";
import { useEffect, useRef, useState } from "preact/hooks";
import type { ChatSession } from "./chat-session.ts";
import { Conversation } from "./conversation.tsx";
import { ConversationList } from "./conversation-list.tsx";

export type MessengerProps = {
  session: ChatSession;
  attention: ReadonlySignal<boolean>;
  onRestart: () => void;
  onClose?: () => void;
};

/** A new conversation (`id` null) is the one that starts after `startedBefore`. `visit` tells two visits of the same screen apart. */
type View =
  | { name: "list" }
  | { name: "conversation"; id: ConversationId | null; startedBefore: ConversationId | null; visit: number };

/** The list of conversations, or one of them. */
export function Messenger({ session, attention, onRestart, onClose }: MessengerProps) {
  const { sync } = session;
  const state = session.state.value;
  const [view, setView] = useState<View>({ name: "conversation", id: null, startedBefore: null, visit: 0 });
  const [next, setNext] = useState<string | null>(null);
  const [loaded, setLoaded] = useState(false);
  const untouched = useRef(true);
  const place = useRef<HTMLDivElement>(null);
  const live = state.connection.name === "live";

  // The newest open conversation comes back by itself, else the newest one at all.
  useEffect(() => {
    if (loaded) return;
    sync.loadConversations().then(
      (page) => {
        setLoaded(true);
        setNext(page.next);
        const conversations = listConversations(sync.getState());
        const current = conversations.find(({ status }) => status === "open") ?? conversations[0];
        if (untouched.current && current)
          setView((before) => ({ ...before, name: "conversation", id: current.id, startedBefore: null, visit: 0 }));
      },
      () => undefined, // The connection says so itself; once it is live the list is asked for again.
    );
  }, [sync, live, loaded]);

  // A new conversation takes its id the moment the server names it, so that nothing flickers in between.
  const started =
    state.started === null || view.name !== "conversation" || state.started === view.startedBefore
      ? null
      : state.started;
  const id = view.name === "conversation" ? (view.id ?? started) : null;
  useEffect(() => {
    if (started === null) return;
    untouched.current = false;
    session.drafts.write(started, session.drafts.read(null));
    session.drafts.write(null, "");
  }, [started, session]);

  function go(to: ConversationId | null | "list"): void {
    untouched.current = false;
    setView((before) =>
      to === "list"
        ? { name: "list" }
        : {
            name: "conversation",
            id: to,
            startedBefore: sync.getState().started,
            visit: before.name === "list" ? 1 : before.visit + 1,
          },
    );
    requestAnimationFrame(() => place.current?.querySelector<HTMLElement>("[data-autofocus]")?.focus());
  }

  async function more(): Promise<void> {
    if (next === null) return;
    const page = await sync.loadConversations({}, next).catch(() => null);
    if (page) setNext(page.next);
  }

  const others = Object.keys(state.conversations).some((other) => other !== id);
  return (
    <div class="messenger" ref={place}>
      {view.name === "list" ? (
        <ConversationList session={session} next={next} onMore={more} onPick={go} onClose={onClose} />
      ) : (
        <Conversation
          key={view.visit}
          session={session}
          conversationId={id}
          ready={loaded}
          attention={attention}
          onBack={others ? () => go("list") : undefined}
          onNew={() => go(null)}
          onRestart={onRestart}
          onClose={onClose}
        />
      )}
    </div>
  );
}
