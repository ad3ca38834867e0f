import { Button } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import type { AgentId, ConversationId } from "@presszero/contracts";
import type { State, Sync } from "@presszero/sdk";
import { useCallback } from "react";
import { api } from "../api.ts";
import { notifyError } from "../errors.ts";
import { useT } from "../i18n.ts";
import classes from "./actions.module.css";

/** Closing, reopening and assigning. What happened comes back as an event; a refusal is told. Answers whether it succeeded. */
export function useConversationActions() {
  const t = useT();

  const reopen = useCallback(
    async (conversationId: ConversationId): Promise<boolean> => {
      try {
        await api("POST /v1/conversations/:conversationId/reopen", { params: { conversationId } });
        return true;
      } catch (error) {
        notifyError(t, error);
        return false;
      }
    },
    [t],
  );

  const close = useCallback(
    async (conversationId: ConversationId, name: string): Promise<boolean> => {
      try {
        await api("POST /v1/conversations/:conversationId/close", { params: { conversationId } });
      } catch (error) {
        notifyError(t, error);
        return false;
      }
      const id = `closed-${conversationId}`;
      notifications.show({
        id,
        autoClose: 8_000,
        message: (
          <span className={classes.undo}>
            <span dir="auto">{t("actions.closed", { name })}</span>
            <Button
              size="compact-sm"
              variant="light"
              onClick={() => {
                notifications.hide(id);
                void reopen(conversationId);
              }}
            >
              {t("actions.undo")}
            </Button>
          </span>
        ),
      });
      return true;
    },
    [t, reopen],
  );

  const assign = useCallback(
    async (conversationId: ConversationId, agentId: AgentId | null): Promise<boolean> => {
      try {
        await api("POST /v1/conversations/:conversationId/assign", { params: { conversationId }, body: { agentId } });
        return true;
      } catch (error) {
        notifyError(t, error);
        return false;
      }
    },
    [t],
  );

  return { close, reopen, assign };
}

function isOnItsWay(state: State, clientId: string): boolean {
  return state.outbox.some(
    (item) => item.clientId === clientId && (item.state === "queued" || item.state === "sending"),
  );
}

/** Resolves when the server has stored a queued message (true), or when it will not be tried again (false). */
export function whenSent(sync: Sync, clientId: string): Promise<boolean> {
  return new Promise((resolve) => {
    const check = () => {
      const state = sync.getState();
      if (isOnItsWay(state, clientId)) return;
      unsubscribe();
      resolve(!state.outbox.some((item) => item.clientId === clientId && item.state === "not_sent"));
    };
    const unsubscribe = sync.subscribe(check);
    check();
  });
}
