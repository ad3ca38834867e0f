import { randomUUID } from "node:crypto";
import type { CloseCode, CompanyId } from "@presszero/contracts";
import { authorOf, type Ctx, type SystemCtx } from "../../kernel/context.ts";
import { translate } from "../../kernel/database.ts";
import { AppError } from "../../kernel/errors.ts";
import { type LaneEvent, sideOf, toWire } from "../conversations/index.ts";
import type { Admission } from "./admission.ts";
import { answerCall } from "./calls.ts";
import { type Feed, feedCursor } from "./feed.ts";
import { countEffects } from "./figures.ts";
import type { Groups } from "./groups.ts";
import type { Presence } from "./presence.ts";
import type { Registry } from "./registry.ts";
import {
  createSession,
  type Failure,
  type FeedText,
  type Pressure,
  type Session,
  type SessionCall,
  type SessionEffect,
  type SessionInput,
  step,
  type TimerName,
} from "./session.ts";

/** What the connections of this process share. */
export type Environment = {
  system: SystemCtx;
  epoch: string;
  groups: Groups;
  feed: Feed;
  registry: Registry;
  presence: Presence;
  admission: Admission;
  /** Checks of access, which come in crowds, wait here for each other. */
  checks<T>(work: () => Promise<T>): Promise<T>;
};

/** How frames reach one client. */
export type Transport = {
  send(text: string): void;
  /** How much waits to leave; whenever it gets less, `relieved` is to be called. */
  pressure(): Pressure;
  /** Takes no frames of the client until `resume`. */
  pause(): void;
  resume(): void;
  close(code: CloseCode): void;
  /** Who connects with this ticket from this device. */
  identify(ticket: string, deviceId: string): Promise<Ctx>;
  /** Which company that would be, before it is known to be true. */
  companyOf(ticket: string): CompanyId | null;
  /** Everything that was missed has been sent. */
  arrived(): void;
};

/** The shell of a session: carries out its effects, and hands it what happens. */
export type Connection = {
  readonly session: Session;
  /** The company that it says to belong to. */
  companyId: CompanyId | null;
  /** Whose it is, once that is known. */
  ctx: Ctx | null;
  put(input: SessionInput): void;
  /** Something that waited has left, or time has passed. */
  relieved(): void;
};

/** Everything that `put` sets off happens before it returns, but for what has to be waited for. It never throws. */
export function openConnection(environment: Environment, transport: Transport): Connection {
  const { system, groups, feed, registry, presence } = environment;
  const frameRate = system.settings.limits.frames;
  const session = createSession({ id: randomUUID(), epoch: environment.epoch, frameRate });
  const timers = new Map<TimerName, NodeJS.Timeout>();
  let pending: SessionInput[] = [];
  let isStepping = false;
  let awaitsFlush = false;
  let isOver = false;
  let leavePlace = () => {};
  let deviceId = "";
  const count = countEffects(system.metrics, groups, session);
  const connection: Connection = { session, companyId: null, ctx: null, put, relieved };

  function put(input: SessionInput): void {
    if (isOver) return;
    // What an effect sets off has to wait for the effects before it.
    if (isStepping) return void pending.push(input);
    isStepping = true;
    try {
      carryOut(input);
      while (pending.length > 0) {
        const inputs = pending;
        pending = [];
        for (const next of inputs) carryOut(next);
      }
    } catch (error) {
      system.log.error({ err: error, session: session.id }, "a connection failed");
      for (const conversationId of session.subscriptions.keys()) {
        groups.leave(connection, conversationId);
        presence.unwatch(connection, conversationId);
      }
      for (const place of session.places.keys()) presence.unwatch(connection, place);
      session.stage = "ended";
      transport.close(1011);
    }
    isStepping = false;
    if (session.stage === "ended") finish();
  }

  function carryOut(input: SessionInput): void {
    for (const effect of step(session, input, performance.now())) {
      perform(effect);
      count(input, effect);
    }
    relieved();
  }

  function relieved(): void {
    const level = transport.pressure();
    if (level !== session.pressure && session.stage !== "ended") put({ type: "pressure", level });
    if (awaitsFlush && level === 0) {
      awaitsFlush = false;
      put({ type: "flushed" });
    }
  }

  function perform(effect: SessionEffect): void {
    switch (effect.type) {
      case "send":
        return transport.send(JSON.stringify(effect.frame));
      case "sendEvent":
        return transport.send(writeEvent(effect));
      case "sendFeed": {
        const cursor = feedCursor(connection.ctx!, effect.position);
        return transport.send(
          `{"type":"feed","cursor":"${cursor}","items":${writeItems(effect.items)},"more":${effect.more}}`,
        );
      }
      case "sendWelcome": {
        const now = system.clock.now().getTime();
        const cursor = effect.position === null ? null : feedCursor(connection.ctx!, effect.position);
        return transport.send(JSON.stringify({ ...effect.frame, now, feed: cursor }));
      }
      case "flush":
        awaitsFlush = true;
        return;
      case "join":
        return groups.join(connection, effect.conversationId);
      case "leave":
        return groups.leave(connection, effect.conversationId);
      case "settle":
        return groups.settle(connection.ctx!.companyId, effect.conversationId, effect.seq);
      case "joinFeed":
        return feed.join(connection);
      case "arrived":
        return transport.arrived();
      case "signal": {
        const { companyId, actor } = connection.ctx!;
        return system.bus.signal({ ...effect.signal, companyId, by: authorOf(actor) });
      }
      case "watch":
        return presence.watch(connection, effect.place);
      case "unwatch":
        return presence.unwatch(connection, effect.place);
      case "setTimer": {
        const { name, ms } = effect;
        const expire = () => {
          timers.delete(name);
          put({ type: "timer", name });
        };
        return void timers.set(name, setTimeout(expire, ms));
      }
      case "clearTimer":
        clearTimeout(timers.get(effect.name));
        return void timers.delete(effect.name);
      case "pause":
        return transport.pause();
      case "resume":
        return transport.resume();
      case "close":
        return transport.close(effect.code);
      case "redeem":
        deviceId = effect.deviceId;
        registry.claim(connection, transport.companyOf(effect.ticket));
        return answer(effect, identify(effect.ticket));
      case "checkAccess":
        return answer(
          effect,
          environment.checks(() => answerCall(connection.ctx!, deviceId, effect)),
        );
      default:
        return answer(effect, answerCall(connection.ctx!, deviceId, effect));
    }
  }

  async function identify(ticket: string): Promise<SessionInput> {
    const ctx = await transport.identify(ticket, deviceId);
    if (!isOver) {
      leavePlace = environment.admission.connect(ctx, deviceId);
      connection.ctx = ctx;
      registry.identify(connection);
      presence.connected(ctx);
      system.metrics.wsHellos.inc();
    }
    return { type: "redeemed", who: { companyId: ctx.companyId, side: sideOf(ctx), by: authorOf(ctx.actor) } };
  }

  function answer(of: SessionCall, work: Promise<SessionInput>): void {
    work.then(put, (error: unknown) => put({ type: "failed", of, failure: toFailure(system, session, error) }));
  }

  function finish(): void {
    isOver = true;
    for (const timer of timers.values()) clearTimeout(timer);
    feed.leave(connection);
    registry.remove(connection);
    if (connection.ctx) presence.disconnected(connection.ctx);
    leavePlace();
  }

  registry.add(connection);
  put({ type: "opened" });
  return connection;
}

function toFailure(system: SystemCtx, session: Session, error: unknown): Failure {
  const fault = translate(error);
  if (!(fault instanceof AppError)) system.log.error({ err: fault, session: session.id }, "frame failed");
  const { code, retry, retryAfterMs, details } = fault instanceof AppError ? fault : new AppError("INTERNAL");
  return { code, retry, ...(retryAfterMs !== undefined && { retryAfterMs }), ...(details && { details }) };
}

/** The texts of the event that was passed on last, one for each kind of reader and not for each connection (SR8). */
let written: { event: LaneEvent | null; texts: (string | undefined)[] } = { event: null, texts: [] };

function writeEvent(effect: SessionEffect & { type: "sendEvent" }): string {
  const { event, side, isAuthor, marks } = effect;
  if (marks) return JSON.stringify({ type: "event", ...toWire(event, { side, isAuthor, marks }) });
  if (written.event !== event) written = { event, texts: [] };
  const kind = (side === "business" ? 2 : 0) + (isAuthor ? 1 : 0);
  return (written.texts[kind] ??= JSON.stringify({ type: "event", ...toWire(event, { side, isAuthor }) }));
}

/** The same for lists: all staff get the same items. */
let writtenItems: { items: readonly FeedText[] | null; text: string } = { items: null, text: "" };

function writeItems(items: readonly FeedText[]): string {
  if (writtenItems.items !== items) {
    writtenItems = { items, text: `[${items.map((item) => item.json).join(",")}]` };
  }
  return writtenItems.text;
}
