import type { Author, MessageTrace } from "@presszero/contracts";

/**
 * What a person wants to know first: how far the message has come with those whom it is meant for. `name` is one of them,
 * `count` how many the sentence is about.
 */
export type TraceAnswer = {
  kind: "readByCustomer" | "withCustomer" | "notWithCustomer" | "readByTeam" | "withTeam" | "notWithTeam";
  who: Author | null;
  count: number;
};

/** A reply is meant for the customer; what a customer writes, and a note, is meant for the team. */
export function traceAnswer({ author, kind, readers }: MessageTrace): TraceAnswer {
  const isForCustomer = author.type !== "contact" && kind !== "note";
  const audience = readers.filter(
    ({ reader }) => reader.id !== author.id && (reader.type === "contact") === isForCustomer,
  );
  const side = isForCustomer ? "Customer" : "Team";
  const readBy = audience.filter(({ read }) => read);
  const with_ = audience.filter(({ delivered }) => delivered);
  const [state, some] =
    readBy.length > 0
      ? (["readBy", readBy] as const)
      : with_.length > 0
        ? (["with", with_] as const)
        : (["notWith", audience] as const);
  return { kind: `${state}${side}`, who: some[0]?.reader ?? null, count: some.length };
}
