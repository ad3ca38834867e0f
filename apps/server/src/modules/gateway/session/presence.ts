import type { Author, ConversationId } from "@presszero/contracts";
import { answerError, failureOf } from "./frames.ts";
import type { Session, SessionEffect, SessionInput, Subscription } from "./types.ts";

/** The replay is over: from now on the client is told who is around, beginning with how it is now. */
export function lookAround(
  session: Session,
  conversationId: ConversationId,
  subscription: Subscription,
  contactId: string,
  out: SessionEffect[],
): void {
  if (subscription.around) return;
  const { side, companyId } = session.who!;
  const place = side === "business" ? contactId : companyId;
  subscription.around = { place, toldOnline: null, viewers: [], toldViewers: new Map() };
  if (session.places.has(place)) tell(session, conversationId, subscription, out);
  else watch(session, place, out);
  // Who looks is for colleagues; a customer is not even in the place where it is told.
  if (side === "business") out.push({ type: "watch", place: conversationId });
}

function watch(session: Session, place: string, out: SessionEffect[]): void {
  session.places.set(place, null);
  out.push({ type: "watch", place });
}

/** The subscription has ended. */
export function lookAway(
  session: Session,
  conversationId: ConversationId,
  { around }: Subscription,
  out: SessionEffect[],
): void {
  if (session.viewing.has(conversationId)) view(session, conversationId, false, out);
  if (!around) return;
  if (session.who!.side === "business") out.push({ type: "unwatch", place: conversationId });
  for (const other of session.subscriptions.values()) if (other.around?.place === around.place) return;
  session.places.delete(around.place);
  out.push({ type: "unwatch", place: around.place });
}

export function presence(session: Session, input: SessionInput & { type: "presence" }, out: SessionEffect[]): void {
  if (!session.places.has(input.place)) return;
  session.places.set(input.place, input.isOnline);
  for (const [conversationId, subscription] of session.subscriptions) {
    if (subscription.around?.place === input.place) tell(session, conversationId, subscription, out);
  }
}

export function viewers(session: Session, input: SessionInput & { type: "viewers" }, out: SessionEffect[]): void {
  const subscription = session.subscriptions.get(input.conversationId);
  if (!subscription?.around || session.who!.side !== "business") return;
  const me = session.who!.by.id;
  subscription.around.viewers = input.people.filter((person) => person.id !== me);
  tell(session, input.conversationId, subscription, out);
}

/** A client that keeps up again is told what is different from what it knows. */
export function releasePresence(session: Session, out: SessionEffect[]): void {
  for (const [conversationId, subscription] of session.subscriptions) {
    if (subscription.around) tell(session, conversationId, subscription, out);
  }
}

function tell(session: Session, conversationId: ConversationId, { around }: Subscription, out: SessionEffect[]): void {
  if (!around || session.pressure > 0) return;
  const online = session.places.get(around.place) ?? null;
  if (online !== null && online !== around.toldOnline) {
    around.toldOnline = online;
    out.push({ type: "send", frame: { type: "ephemeral", kind: "presence", conversationId, data: { online } } });
  }
  const now = new Map(around.viewers.map((person) => [person.id, person]));
  const say = (by: Author, on: boolean) =>
    out.push({ type: "send", frame: { type: "ephemeral", kind: "viewing", conversationId, data: { by, on } } });
  for (const [id, person] of around.toldViewers) if (!now.has(id)) say(person, false);
  for (const [id, person] of now) if (!around.toldViewers.has(id)) say(person, true);
  around.toldViewers = now;
}

/** Staff say that they look at a conversation, which they follow, and say it again every 20 s. */
export function view(session: Session, conversationId: ConversationId, on: boolean, out: SessionEffect[]): void {
  if (on && !session.subscriptions.has(conversationId)) {
    return answerError(out, null, conversationId, failureOf("NOT_FOUND"));
  }
  if (session.who!.side !== "business") return answerError(out, null, conversationId, failureOf("FORBIDDEN"));
  if (on) session.viewing.add(conversationId);
  else if (!session.viewing.delete(conversationId)) return;
  const data = { on, source: session.id };
  out.push({ type: "signal", signal: { subjectId: conversationId, kind: "viewing", data } });
}
