import type { ConversationId, ParsedClientFrame } from "@presszero/contracts";
import { authorOf, type SystemCtx } from "../../kernel/context.ts";
import { AppError } from "../../kernel/errors.ts";
import {
  limitSends,
  listEvents,
  mergeMark,
  sendMessage,
  signalMark,
  startConversation,
  traceMark,
} from "../conversations/index.ts";
import { answerError, type Connection } from "./connection.ts";

type FrameOf<T extends ParsedClientFrame["type"]> = Extract<ParsedClientFrame, { type: T }>;

/**
 * Sends of one connection in one conversation run strictly in the order of arrival. When one ends with an error that may
 * pass, the later ones are answered ORDER_BROKEN until the client repeats it (SR4).
 */
export async function answerSend(system: SystemCtx, connection: Connection, frame: FrameOf<"send">): Promise<void> {
  const key = frame.conversationId ?? `start ${frame.clientId}`;
  const before = connection.sending.get(key);
  const mine = before
    ? before.then(() => sendNow(system, connection, frame, key))
    : sendNow(system, connection, frame, key);
  connection.sending.set(key, mine);
  await mine;
  if (connection.sending.get(key) === mine) connection.sending.delete(key);
}

async function sendNow(system: SystemCtx, connection: Connection, frame: FrameOf<"send">, key: string): Promise<void> {
  const stopTimer = system.metrics.sendAckSeconds.startTimer();
  try {
    const broken = connection.broken.get(key);
    if (broken !== undefined && broken !== frame.clientId) throw new AppError("ORDER_BROKEN");
    limitSends(connection.ctx);
    const input = { deviceId: connection.deviceId, clientId: frame.clientId, message: frame.message };
    const sent = frame.conversationId
      ? await sendMessage(connection.ctx, frame.conversationId, input)
      : await startConversation(connection.ctx, input);
    connection.broken.delete(key);
    connection.send({ type: "ok", id: frame.id, ...sent });
    stopTimer();
  } catch (error) {
    const mayPass = error instanceof AppError ? error.retry : true;
    if (mayPass && !connection.broken.has(key)) connection.broken.set(key, frame.clientId);
    if (!mayPass && connection.broken.get(key) === frame.clientId) connection.broken.delete(key);
    answerError(system, connection, frame.id, frame.conversationId, error);
  }
}

export async function answerFetch(connection: Connection, frame: FrameOf<"fetch">): Promise<void> {
  const { conversationId, after, before, limit } = frame;
  const page = await listEvents(connection.ctx, conversationId, { after, before, limit });
  connection.send({ type: "page", id: frame.id, conversationId, ...page });
}

const retryMarksMs = 1_000;

/** Positions are of the connection's lane. Only for conversations that it follows: subscribing has checked the right. */
export async function setMark(
  connection: Connection,
  conversationId: ConversationId,
  mark: { delivered: number; read: number },
): Promise<void> {
  if (!connection.subscriptions.has(conversationId)) throw new AppError("NOT_FOUND");
  traceMark(connection.ctx, conversationId, connection.deviceId, mark);
  const { unsavedMarks } = connection;
  const unsaved = unsavedMarks.get(conversationId);
  const highest = {
    delivered: Math.max(mark.delivered, unsaved?.delivered ?? 0),
    read: Math.max(mark.read, unsaved?.read ?? 0),
  };
  if (unsaved) return void unsavedMarks.set(conversationId, highest);
  try {
    const changed = await mergeMark(connection.ctx, { conversationId, ...highest });
    if (changed) signalMark(connection.ctx, conversationId, changed);
  } catch (error) {
    if (!(error instanceof AppError && error.retry)) throw error;
    // A client does not repeat a mark as long as its connection lasts, so it is kept here until it can be stored.
    if (unsavedMarks.size === 0) {
      setTimeout(() => {
        // Nobody waits for this any more: an error that nobody catches would end the process.
        saveMarks(connection).catch((failure: unknown) =>
          connection.ctx.log.error({ err: failure }, "marks were lost"),
        );
      }, retryMarksMs);
    }
    unsavedMarks.set(conversationId, highest);
  }
}

async function saveMarks(connection: Connection): Promise<void> {
  const marks = [...connection.unsavedMarks];
  connection.unsavedMarks.clear();
  if (!connection.isOpen()) return;
  for (const [conversationId, mark] of marks) {
    if (connection.subscriptions.has(conversationId)) await setMark(connection, conversationId, mark);
  }
}

export async function relayTyping(connection: Connection, frame: FrameOf<"typing">): Promise<void> {
  if (!connection.subscriptions.has(frame.conversationId)) throw new AppError("NOT_FOUND");
  connection.ctx.bus.signal({
    companyId: connection.ctx.companyId,
    subjectId: frame.conversationId,
    kind: "typing",
    by: authorOf(connection.ctx.actor),
    data: { on: frame.on },
  });
}
