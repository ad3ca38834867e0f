import type { Author, ConversationId, MessageId, MessageTrace } from "@presszero/contracts";
import type { Consumer } from "../../../kernel/consumers.ts";
import type { Ctx } from "../../../kernel/context.ts";
import { inTx } from "../../../kernel/database.ts";
import { AppError } from "../../../kernel/errors.ts";
import { type ConsumerProgress, listConsumerProgress } from "../../../kernel/log-state.ts";
import type { Recollection } from "../../../kernel/trace.ts";
import { askProcesses } from "../../../kernel/trace-relay.ts";
import { requirePermission } from "../../identity/index.ts";
import { findTracedMessage, listReaders, type ReaderRow, type TracedMessage } from "../trace-views.ts";

/**
 * The life of a message: what the database knows, and what the processes that run remember. `consumers` are all there are.
 * Besides the right to look after events it takes the right to read conversations. NOT_FOUND also for a message of another
 * conversation or company.
 */
export async function traceMessage(
  ctx: Ctx,
  consumers: readonly Pick<Consumer, "name" | "types">[],
  params: { conversationId: ConversationId; messageId: MessageId },
): Promise<MessageTrace> {
  requirePermission(ctx, "events.manage");
  requirePermission(ctx, "conversations.read");
  const names = consumers.filter(({ types }) => types.includes("message.created")).map(({ name }) => name);
  const { message, readers, progress } = await inTx(ctx, async (tx) => {
    const found = await findTracedMessage(tx, params.conversationId, params.messageId);
    if (!found) throw new AppError("NOT_FOUND");
    return {
      message: found,
      readers: await listReaders(tx, params.conversationId),
      progress: await listConsumerProgress(tx, names, { xid: found.xid, id: found.eventId }),
    };
  });
  const { conversationId: subjectId, messageId: id } = params;
  const { seq, publicSeq } = message;
  const createdAt = message.createdAt.getTime();
  const answers = await askProcesses(ctx, ctx.companyId, { id, subjectId, seq, publicSeq, createdAt });
  const memories = [...answers.values()].filter((memory) => memory !== null);
  return {
    ...params,
    seq,
    kind: message.kind,
    author: message.author,
    received: { ...originOf(message), by: takenBy(memories) },
    stored: {
      at: message.createdAt.toISOString(),
      transaction: message.xid,
      eventId: String(message.eventId),
      messagesInTransaction: message.batchSize,
      belowHorizon: message.belowHorizon,
    },
    processes: Array.from(answers, ([process, memory]) => describeProcess(process, memory, createdAt)),
    readers: readers
      .filter((reader) => isConcerned(reader, message))
      .map((reader) => describeReader(reader, message, memories)),
    consumers: progress.map(describeProgress),
    repeats: countRepeats(memories),
  };
}

const time = (milliseconds: number) => new Date(milliseconds).toISOString();

type Via = MessageTrace["readers"][number]["devices"][number]["via"];

/** Devices are named by a UUID; for callers over HTTP that name none, the sign-in or API key stands for it. */
function viaOf(deviceId: string): Via {
  if (deviceId.startsWith("key_")) return "api_key";
  return /^(ses|gst)_/.test(deviceId) ? "sign_in" : "device";
}

const endOf = (deviceId: string) => deviceId.slice(-4);

function originOf({ deviceId, author }: TracedMessage): Pick<MessageTrace["received"], "via" | "device"> {
  if (author.type === "system") return { via: "system", device: null };
  const via = viaOf(deviceId);
  return { via, device: via === "api_key" ? null : endOf(deviceId) };
}

function takenBy(memories: readonly Recollection[]): MessageTrace["received"]["by"] {
  const memory = memories.find(({ taken }) => taken !== null);
  if (!memory?.taken) return null;
  const { receivedAt, committedAt, overSocket } = memory.taken;
  return {
    process: memory.process,
    over: overSocket ? "socket" : "http",
    at: time(receivedAt),
    committedAfterMs: Math.max(0, committedAt - receivedAt),
  };
}

function describeProcess(
  process: string,
  memory: Recollection | null,
  createdAt: number,
): MessageTrace["processes"][number] {
  if (!memory) return { process, state: "silent", passed: null };
  return {
    process,
    state: memory.since.messages <= createdAt ? "knows" : "knows_in_part",
    passed: memory.passed && { ...memory.passed, at: time(memory.passed.at) },
  };
}

/** Notes never reach a customer; of what does, the one of this conversation is named even if they have nothing yet. */
function isConcerned(reader: ReaderRow, message: TracedMessage): boolean {
  if (reader.author.type === "contact") return message.isPublic;
  return reader.deliveredSeq >= message.seq;
}

function describeReader(
  { author: reader, deliveredSeq, readSeq }: ReaderRow,
  { seq }: TracedMessage,
  memories: readonly Recollection[],
): MessageTrace["readers"][number] {
  const delivered = deliveredSeq >= seq;
  const devices = delivered ? listDevices(reader, memories) : [];
  const read = readSeq >= seq;
  const first = (times: (string | null)[]) => times.filter((at) => at !== null).sort()[0] ?? null;
  return {
    reader,
    delivered,
    read,
    deliveredAt: first(devices.map((device) => device.deliveredAt)),
    readAt: read ? first(devices.map((device) => device.readAt)) : null,
    devices,
  };
}

/** Devices of the reader over all processes, each with the first that was heard of it. */
function listDevices(reader: Author, memories: readonly Recollection[]): MessageTrace["readers"][number]["devices"] {
  const byId = new Map<string, { deliveredAt: number; readAt: number | null }>();
  for (const { readerId, deviceId, deliveredAt, readAt } of memories.flatMap((memory) => memory.devices)) {
    if (readerId !== reader.id) continue;
    const known = byId.get(deviceId) ?? { deliveredAt, readAt };
    byId.set(deviceId, {
      deliveredAt: Math.min(known.deliveredAt, deliveredAt),
      readAt: known.readAt === null || readAt === null ? (known.readAt ?? readAt) : Math.min(known.readAt, readAt),
    });
  }
  return Array.from(byId, ([deviceId, { deliveredAt, readAt }]) => ({
    device: endOf(deviceId),
    via: viaOf(deviceId),
    deliveredAt: time(deliveredAt),
    readAt: readAt === null ? null : time(readAt),
  })).sort((one, other) => (one.deliveredAt < other.deliveredAt ? -1 : 1));
}

function describeProgress(progress: ConsumerProgress): MessageTrace["consumers"][number] {
  const { name, state } = progress;
  if (!("at" in progress)) return { name, state, attempts: 0, reason: null, at: null };
  const { attempts, reason, at } = progress;
  return { name, state, attempts, reason, at: at.toISOString() };
}

function countRepeats(memories: readonly Recollection[]): MessageTrace["repeats"] {
  const repeats = memories.flatMap((memory) => memory.repeats ?? []);
  return {
    count: repeats.reduce((sum, { count }) => sum + count, 0),
    lastAt: repeats.length > 0 ? time(Math.max(...repeats.map(({ lastAt }) => lastAt))) : null,
    since: time(Math.max(...memories.map((memory) => memory.since.repeats))),
  };
}
