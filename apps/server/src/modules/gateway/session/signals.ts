import type { ConversationId } from "@presszero/contracts";
import type { Signal } from "../../../kernel/bus.ts";
import type { Mark } from "../../conversations/index.ts";
import type { Receipt, Session, SessionEffect, Who } from "./types.ts";

/** Passes on what concerns this client: typing to the others in the conversation, marks to the other side and one's own devices. */
export function signal(session: Session, signal: Signal, out: SessionEffect[]): void {
  const { who } = session;
  if (!who) return;
  const conversationId = signal.subjectId as ConversationId;
  if (signal.kind === "typing") passTyping(session, who, conversationId, signal, out);
  if (signal.kind === "mark") passMark(session, who, conversationId, signal, out);
}

function passTyping(
  session: Session,
  who: Who,
  conversationId: ConversationId,
  { by, data }: Signal,
  out: SessionEffect[],
): void {
  if (session.pressure > 0 || by.id === who.by.id || !session.subscriptions.get(conversationId)?.isAllowed) return;
  const { on, note } = data as { on: boolean; note?: true };
  if (note && who.side === "contact") return;
  const typing = { by, on, ...(note && { note }) };
  out.push({ type: "send", frame: { type: "ephemeral", kind: "typing", conversationId, data: typing } });
}

function passMark(
  session: Session,
  who: Who,
  conversationId: ConversationId,
  { by, data }: Signal,
  out: SessionEffect[],
): void {
  const mark = data as Mark;
  const inLane =
    who.side === "business"
      ? { delivered: mark.deliveredSeq, read: mark.readSeq }
      : { delivered: mark.deliveredPublicSeq, read: mark.readPublicSeq };
  const isFromMySide = (by.type === "contact") === (who.side === "contact");
  if (by.id === who.by.id) {
    tell(session, { type: "receipt", conversationId, side: "mine", ...inLane, seen: mark.seen }, out);
    return;
  }
  const subscription = session.subscriptions.get(conversationId);
  if (isFromMySide || !subscription) return;
  // A mark that moves over a note stands still in the customer's lane, and notes cannot be counted by what is said of it.
  const { other } = subscription;
  if (inLane.delivered <= other.delivered && inLane.read <= other.read) return;
  subscription.other = {
    delivered: Math.max(other.delivered, inLane.delivered),
    read: Math.max(other.read, inLane.read),
  };
  tell(session, { type: "receipt", conversationId, side: "other", ...inLane }, out);
}

/** Of the other side it waits for the right to read: the head that is being read may be older than this mark. */
const mayBeTold = (session: Session, { side, conversationId }: Receipt) =>
  side === "mine" || session.subscriptions.get(conversationId)?.isAllowed === true;

function tell(session: Session, receipt: Receipt, out: SessionEffect[]): void {
  if (session.pressure === 0 && mayBeTold(session, receipt)) return void out.push({ type: "send", frame: receipt });
  const key = keyOf(receipt);
  const kept = session.keptReceipts.get(key);
  // Marks of several readers: as far as any of them has come.
  session.keptReceipts.set(key, {
    ...receipt,
    delivered: Math.max(receipt.delivered, kept?.delivered ?? 0),
    read: Math.max(receipt.read, kept?.read ?? 0),
  });
}

/** The client keeps up again, or may read a conversation: now comes what was kept back. */
export function releaseReceipts(session: Session, out: SessionEffect[]): void {
  if (session.pressure > 0) return;
  for (const [key, receipt] of session.keptReceipts) {
    if (!mayBeTold(session, receipt)) continue;
    session.keptReceipts.delete(key);
    out.push({ type: "send", frame: receipt });
  }
}

/** The conversation is not followed any more. */
export function forgetReceipts(session: Session, conversationId: ConversationId): void {
  session.keptReceipts.delete(keyOf({ side: "other", conversationId }));
}

const keyOf = ({ side, conversationId }: Pick<Receipt, "side" | "conversationId">) => `${side} ${conversationId}`;
