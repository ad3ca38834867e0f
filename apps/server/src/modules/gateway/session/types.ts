import type {
  Author,
  CloseCode,
  CompanyId,
  ConversationId,
  ErrorCode,
  EventsPage,
  OutgoingMessage,
  ParsedClientFrame,
  Sent,
  ServerFrame,
} from "@presszero/contracts";
import type { Signal } from "../../../kernel/bus.ts";
import type { Bucket } from "../../../kernel/rate.ts";
import type { Rate } from "../../../kernel/settings-limits.ts";
import type { LaneEvent, LaneHead, Side } from "../../conversations/index.ts";
import type { Horizon } from "../views.ts";

type FrameOf<T extends ParsedClientFrame["type"]> = Extract<ParsedClientFrame, { type: T }>;

/** Who holds the connection, as far as the session decides by it. */
export type Who = { companyId: CompanyId; side: Side; by: Author };

/** Why something that the session asked for was not done. */
export type Failure = {
  code: ErrorCode;
  retry: boolean;
  retryAfterMs?: number;
  details?: Record<string, unknown>;
};

/** One conversation of a list, written for one kind of reader. */
export type FeedText = { conversationId: ConversationId; json: string };

/**
 * How much waits for this client. 0: all is well. 1: no ephemeral frames, feed and receipts only once each. 2: no events
 * either, they are read from the database later. 3: too slow, the connection ends.
 */
export type Pressure = 0 | 1 | 2 | 3;

export type TimerName = "hello" | "marks" | "end";

// ---- what happens

/** What happens to a session. Those of the first group answer a call, each exactly once, unless the session has ended. */
export type SessionInput =
  | { type: "redeemed"; who: Who }
  | {
      type: "feedRead";
      /** Where the client's cursor stands; null when it has none that counts. */
      from: Horizon | null;
      /** What changed since; null when the client has to read its list again. */
      changed: readonly ConversationId[] | null;
      position: Horizon;
    }
  | { type: "entriesRead"; items: readonly FeedText[] }
  | { type: "headsRead"; call: number; heads: readonly LaneHead[] }
  | { type: "eventsRead"; call: number; events: readonly LaneEvent[] }
  | { type: "pageRead"; of: ReadPage; page: EventsPage }
  | { type: "sent"; of: Commit; sent: Sent }
  | { type: "marked"; of: MergeMark }
  | { type: "accessChecked"; isSignedIn: boolean }
  | { type: "flushed" }
  | { type: "failed"; of: SessionCall; failure: Failure }
  /** The transport is there; the first input. */
  | { type: "opened" }
  /** A frame of the client. */
  | { type: "frame"; text: string }
  /** A binary frame, of which the protocol has none. */
  | { type: "binary" }
  /** The group of a conversation passes an event on; in order and without a hole, but perhaps again. */
  | { type: "event"; event: LaneEvent }
  /** The group of a conversation says that it has come to `seq`. */
  | { type: "heard"; conversationId: ConversationId; seq: number }
  /** Conversations of the list, as they are now. Every change below `position` has been told. */
  | { type: "feed"; items: readonly FeedText[]; position: Horizon }
  | { type: "signal"; signal: Signal }
  /** Whether anybody is at a place that is watched: the contact, or for `companyId` the business. */
  | { type: "presence"; place: string; isOnline: boolean }
  /** Who looks at a conversation that is watched. */
  | { type: "viewers"; conversationId: ConversationId; people: readonly Author[] }
  /** Somebody of this company may no longer be who they were. */
  | { type: "accessChanged" }
  | { type: "pressure"; level: Pressure }
  | { type: "timer"; name: TimerName }
  | { type: "drain"; spreadMs: number }
  /** The process wants this connection to end. With 1012 the sends under way are answered first. */
  | { type: "end"; code: CloseCode }
  /** The transport is gone. */
  | { type: "closed" };

// ---- what to do

export type Redeem = { type: "redeem"; ticket: string; deviceId: string };
export type ReadPage = {
  type: "readPage";
  id: number;
  conversationId: ConversationId;
  after: number | undefined;
  before: number | undefined;
  limit: number;
};
export type Commit = {
  type: "commit";
  id: number;
  /** Null starts a conversation. */
  conversationId: ConversationId | null;
  clientId: string;
  message: OutgoingMessage;
};
export type MergeMark = {
  type: "mergeMark";
  conversationId: ConversationId;
  delivered: number;
  read: number;
  isRepeat: boolean;
};

/** Something to be done that is answered by an input: the one named, or `failed`. */
export type SessionCall =
  /** → redeemed. Uses the ticket up and checks that its owner is signed in, in one transaction. */
  | Redeem
  /** → accessChecked. */
  | { type: "checkAccess" }
  /** → feedRead. FORBIDDEN for those who may not read conversations. */
  | { type: "readFeed"; cursor: string | null }
  /** → entriesRead, for the session's side. */
  | { type: "readEntries"; ids: readonly ConversationId[] }
  /** → headsRead, those that may be read. */
  | { type: "readHeads"; call: number; ids: readonly ConversationId[] }
  /** → eventsRead, ascending in the session's lane: after `after`, or the newest ones if that is null. */
  | { type: "readEvents"; call: number; conversationId: ConversationId; after: number | null; limit: number }
  /** → pageRead. */
  | ReadPage
  /** → sent. */
  | Commit
  /** → marked. Whoever does it tells the readers: this session may be over by then. */
  | MergeMark;

type WelcomeFrame = Extract<ServerFrame, { type: "welcome" }>;

export type SessionEffect =
  | SessionCall
  /** → flushed, as soon as what was sent so far has left (pressure 0). */
  | { type: "flush" }
  | { type: "send"; frame: ServerFrame }
  /** Without the time and the cursor that says `position`. */
  | { type: "sendWelcome"; frame: Omit<WelcomeFrame, "now" | "feed">; position: Horizon | null }
  /** An event as this audience may see it; a live one is written once for all who are alike (SR8). */
  | { type: "sendEvent"; event: LaneEvent; side: Side; isAuthor: boolean; marks: LaneHead | null }
  | { type: "sendFeed"; items: readonly FeedText[]; position: Horizon; more: boolean }
  /** Become a member of the conversation's group: from now on its events are offered. */
  | { type: "join"; conversationId: ConversationId }
  | { type: "leave"; conversationId: ConversationId }
  /** To the group: this member has been served up to `seq`, which the database had when it was read. */
  | { type: "settle"; conversationId: ConversationId; seq: number }
  | { type: "joinFeed" }
  /** The hello is over: everything that was missed has been sent. */
  | { type: "arrived" }
  | { type: "signal"; signal: Omit<Signal, "companyId" | "by"> }
  /** Tell by `presence` or `viewers` how it is at a place now, and when that changes: a contact, the company, a conversation. */
  | { type: "watch"; place: string }
  | { type: "unwatch"; place: string }
  | { type: "setTimer"; name: TimerName; ms: number }
  | { type: "clearTimer"; name: TimerName }
  /** Take no more frames from the client until `resume`. */
  | { type: "pause" }
  | { type: "resume" }
  /** The last effect of a session. It has left its groups before; the shell takes it out of everything else. */
  | { type: "close"; code: CloseCode };

// ---- what is remembered

export type Receipt = Extract<ServerFrame, { type: "receipt" }>;

/** A conversation that the session follows. */
export type Subscription = {
  /** That the conversation may be read has been checked. Until then nothing of its signals is told. */
  isAllowed: boolean;
  /** Position in the session's lane up to which the client has been served. */
  last: number;
  /** The same among all events: what is above it has not been looked at. */
  seq: number;
  /** The newest event that is known to exist. */
  heard: number;
  /** How far the other side has come, as the client was told. */
  other: { delivered: number; read: number };
  /** What is being made up for; null when events go on as they come. */
  catchUp: CatchUp | null;
  /** Who is around, and what of it the client was told; null before the first replay is over. */
  around: {
    /** Whose presence matters here: the contact for staff, the business for the contact. */
    place: string;
    toldOnline: boolean | null;
    viewers: readonly Author[];
    toldViewers: Map<string, Author>;
  } | null;
};

export type CatchUp = {
  /** Ids of the `subscribe` frames that wait for `synced`; none on resume. */
  requests: number[];
  /** Part of the hello: counts towards its budget. */
  isResume: boolean;
  /** As last read; null when it has to be read. */
  head: LaneHead | null;
  /** The read whose answer is awaited. */
  call: number | null;
  /** Read, but not yet sent. */
  page: readonly LaneEvent[];
  /** Nothing is behind `page`. */
  isLastPage: boolean;
  /** The first position that this replay sends, for `synced`. */
  from: number;
  /** Live events that arrived meanwhile, one after the other without a hole. */
  held: LaneEvent[];
};

/** The sends of one conversation, which run one after the other (SR4). */
export type SendLine = {
  /** Client id of the send that is under way. */
  busy: string | null;
  /** The client has been sent the event of that one: it knows of the message, whatever the outcome is. */
  isTold: boolean;
  waiting: Commit[];
  /** Client id of the send that has to be repeated before others go on. */
  broken: string | null;
};

export type FeedState = {
  /** What the client missed and has still to be told. */
  missed: ConversationId[];
  /** Up to here every change was told to the client. */
  told: Horizon | null;
  /** Where `told` will be after `missed`. */
  reached: Horizon | null;
  /** Live items that wait, the newest of each conversation, and where `told` will be after them. */
  kept: Map<ConversationId, FeedText>;
  keptPosition: Horizon | null;
};

export type Session = {
  /** Names the connection in logs; gives no rights. */
  readonly id: string;
  readonly epoch: string;
  readonly frameRate: Rate | null;
  stage: "new" | "redeeming" | "arriving" | "open" | "ended";
  frames: { bucket: Bucket; strikes: number[] } | null;
  /** The code to end with once the sends under way are answered; no more frames are taken. */
  ending: CloseCode | null;
  who: Who | null;
  hello: FrameOf<"hello"> | null;
  /** Frames that came during the hello. */
  early: object[];
  /** Frames that are not answered yet. */
  inHand: number;
  isCheckingAccess: boolean;
  /** Access has changed since the last check was begun. */
  isAccessInDoubt: boolean;
  subscriptions: Map<ConversationId, Subscription>;
  /** Conversations to catch up with, in this order, one read at a time. */
  queue: ConversationId[];
  isReading: boolean;
  /** So much was sent at once that it has to leave first. */
  isFlushing: boolean;
  calls: number;
  /** How many more events may be replayed to this hello. */
  budget: number;
  /** Conversations of the hello that are not served yet; null once it is over. */
  arriving: number | null;
  sends: Map<string, SendLine>;
  /** Marks that could not be stored yet, the highest of each conversation. */
  unsavedMarks: Map<ConversationId, { delivered: number; read: number }>;
  feed: FeedState | null;
  pressure: Pressure;
  /** Watched places, and whether anybody is there; null until that is told. */
  places: Map<string, boolean | null>;
  /** Conversations that the client says to look at. */
  viewing: Set<ConversationId>;
  /** Receipts that wait, the newest of each kind. */
  keptReceipts: Map<string, Receipt>;
};
