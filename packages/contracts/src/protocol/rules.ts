/**
 * The rules of the protocol by number, as docs/protocol.md and `/docs/protocol` print them. Code names a rule where it keeps
 * it, tests name the rule they prove, and scripts/rules.test.ts fails for a rule without a test. A number that was
 * published is never given to another rule. Free of zod; import it as `@presszero/contracts/rules`.
 */
export const ruleSections = {
  promises: "What is promised",
  identifiers: "Identifiers and numbers",
  commit: "How a message is stored",
  server: "What the server does",
  client: "What a client does",
  keeping: "Keeping and losing the connection",
  pressure: "Too much, too fast, too slow",
  limits: "Limits",
  errors: "Errors and close codes",
  marks: "Marks, statuses and signals",
} as const;
export type RuleSection = keyof typeof ruleSections;

export type Rule = { section: RuleSection; title: string; text: string };

export const rules = {
  PR1: {
    section: "promises",
    title: "Stored before it is confirmed",
    text: "`ok`, and the answer to a send over HTTP, leave the server only after the transaction that holds the message has committed. Whatever is killed afterwards, the message is there.",
  },
  PR2: {
    section: "promises",
    title: "Never twice",
    text: "A message sent any number of times by one device under one client id is stored once and shown once on every device.",
  },
  PR3: {
    section: "promises",
    title: "One order",
    text: "Everybody who reads a conversation reads it in the same order, and the messages of one device stand in the order in which it sent them.",
  },
  PR4: {
    section: "promises",
    title: "No gap",
    text: "A client that was away ends with exactly the history that the server holds for it, or is told by `gap`, `gone` or `reset` what it has to load anew.",
  },
  PR5: {
    section: "promises",
    title: "Nothing dropped in silence",
    text: "A message that is not confirmed stays on its device, over a reload and the end of the app, until it is sent, or is shown as not sent with the reason.",
  },
  PR6: {
    section: "promises",
    title: "One read state",
    text: "All devices of a person share how far that person has read, and it never goes back.",
  },
  PR7: {
    section: "promises",
    title: "Bounded",
    text: "Coming back costs as much as has changed, up to a limit; no client can make the server keep an unbounded amount for it.",
  },
  PR8: {
    section: "promises",
    title: "A restart is not noticed",
    text: "A server that is stopped and started again loses no event and fails no message: its clients come back by themselves.",
  },
  PR9: {
    section: "promises",
    title: "What follows happens at least once",
    text: "Work that an event causes elsewhere (a mail) is repeated until it is done, under the same key; what cannot be done is parked with its reason where an admin sees it.",
  },
  PR10: {
    section: "promises",
    title: "Parts may fail",
    text: "While hints between processes are lost, messages still arrive within seconds. While the database is away nothing is confirmed; people go on writing, and what they write is sent afterwards.",
  },

  ID1: {
    section: "identifiers",
    title: "Client id",
    text: "A device names each message, before it first sends it, by a UUID in lower case. The name is good for ever and unique within the device.",
  },
  ID2: {
    section: "identifiers",
    title: "Client id over HTTP",
    text: "Over HTTP the client id is the header `Idempotency-Key`. Its scope is the device that the header `Device-Id` names, which has to be the caller's, and without that header the session or API key.",
  },
  ID3: {
    section: "identifiers",
    title: "One client id, one content",
    text: "The same client id with another text, kind or conversation is refused with `CLIENT_ID_CONFLICT` and changes nothing.",
  },
  ID4: {
    section: "identifiers",
    title: "Message id",
    text: "The server names a message by `msg_` and 26 characters that hold a UUIDv7; this id is the same for every reader.",
  },
  ID5: {
    section: "identifiers",
    title: "Two lanes without a gap",
    text: "A conversation numbers its events from 1 without a gap, once for staff (all events) and once for its customer (the public ones). On the wire both are `seq`. Notes and assignments count in the staff's lane alone, so a customer can neither see nor count them.",
  },
  ID6: {
    section: "identifiers",
    title: "Epoch",
    text: 'The epoch changes when the database is put back to an earlier state, and at no other time. A `hello` with another epoch is answered with `resume: "reset"` and no replay.',
  },
  ID7: {
    section: "identifiers",
    title: "Feed cursor",
    text: 'A feed cursor is opaque, signed, and good for the one it was given to; any other is answered with `resume: "reset"`.',
  },
  ID8: {
    section: "identifiers",
    title: "A session name gives no right",
    text: "The `session` of a welcome names one connection in logs. It opens nothing.",
  },
  ID9: {
    section: "identifiers",
    title: "A device has one owner",
    text: "A device id that belongs to one person gets no ticket for another.",
  },

  CM1: {
    section: "commit",
    title: "One transaction",
    text: "A message, its number in both lanes and its event are written in one transaction, or none of them is.",
  },
  CM2: {
    section: "commit",
    title: "A repeat takes no number",
    text: "A repeated client id is found before anything is counted, also when the first one is committing at the same moment in another process: it is answered with the first message and `duplicate: true`, and no number is used up.",
  },
  CM3: {
    section: "commit",
    title: "Order of numbers is order of commits",
    text: "One transaction at a time numbers the events of a conversation: a reader who sees a number sees every lower one.",
  },
  CM4: {
    section: "commit",
    title: "Together, and each alone",
    text: "Messages that wait at the same moment are written together, in each conversation in the order of arrival. One that cannot be stored fails alone.",
  },
  CM5: {
    section: "commit",
    title: "A held conversation holds up itself",
    text: "While somebody else holds a conversation, its messages wait; those of other conversations do not.",
  },
  CM6: {
    section: "commit",
    title: "No change is skipped",
    text: "Whoever follows changes by a cursor reads only what no open transaction can still come before: a slow transaction delays, and is never passed over.",
  },

  SR1: {
    section: "server",
    title: "Hello first",
    text: "The first frame is a valid `hello`, within 5 seconds of the opening; without one the server closes with 4408, after any other first frame with 4400. Its ticket was given to a signed-in caller over HTTP for one device, opens one connection, and expires after 60 seconds; any other closes with 4401. No address carries a secret.",
  },
  SR2: {
    section: "server",
    title: "Origins",
    text: "A browser is admitted from the product's own address and from origins that the company has allowed; a page of any other site is refused.",
  },
  SR3: {
    section: "server",
    title: "Rights of the moment",
    text: "Every frame is checked against what its sender may do at that moment. When the sign-in behind a connection ends (sign-out, revocation, new role, deactivation, suspension), the connection is closed with 4491 within 5 seconds.",
  },
  SR4: {
    section: "server",
    title: "Order of sends",
    text: "Sends of one connection in one conversation are carried out in the order of arrival. If one fails with an error that may pass, later ones are answered `ORDER_BROKEN` until that one has been sent again.",
  },
  SR5: {
    section: "server",
    title: "Unknown outcome",
    text: "If the line to the database breaks during the commit, the answer is `UNKNOWN_RETRY`; the same client id then finds the message or stores it.",
  },
  SR6: {
    section: "server",
    title: "Authors receive their own",
    text: "The event of a message goes to all devices of its author, the sending one included. `ok` and event come in either order.",
  },
  SR7: {
    section: "server",
    title: "Live without a hole",
    text: "Events of a conversation reach a connection in the order of its lane, each once, without a hole: what a hint did not bring is read from the database first, and what no hint announced is found within seconds.",
  },
  SR8: {
    section: "server",
    title: "Nobody receives what is not theirs",
    text: "An event is written once for each kind of reader, with the fields that this kind may see: a customer never receives notes, assignments or staff fields, and a client id goes to the devices of its author alone.",
  },
  SR9: {
    section: "server",
    title: "Marks grow",
    text: "A read or delivered mark becomes the higher of the stored and the new one, at most the head of the lane, and is told to the person's other devices and to the other side.",
  },
  SR10: {
    section: "server",
    title: "The database's time",
    text: "Times come from the database. The `at` of a send neither orders, dates nor expires anything.",
  },
  SR11: {
    section: "server",
    title: "Replay",
    text: "A subscription sends the events after `after` in order, then `synced`, then what happens live; nothing that is committed meanwhile is lost or sent twice. `hello` does so for a list. A conversation that may not be read is `gone` in a resume and `NOT_FOUND` for a `subscribe`.",
  },
  SR12: {
    section: "server",
    title: "Feed",
    text: "A connection whose hello has `feed` is told which of its conversations changed, and how they are now; after a disconnect the last cursor brings what it missed. No cursor lies beyond what was told.",
  },
  SR13: {
    section: "server",
    title: "Only what is followed",
    text: "`ack`, `read`, `typing` and `viewing` count for conversations that the connection has subscribed to; for others they are answered `NOT_FOUND`.",
  },
  SR14: {
    section: "server",
    title: "Changed messages",
    text: "An edit, a deletion and a reaction are events of their own (`message.changed`, with the message as it is now and a higher `revision`), in the lanes that the message is in; history then shows the message as it is. What was deleted is told to nobody any more.",
  },

  CR1: {
    section: "client",
    title: "Outbox",
    text: "A message is written to the device's storage before it is first sent, and stays there until it is confirmed or deleted. Where nothing lasting is there, the client keeps it for the tab's session and warns when the page is left.",
  },
  CR2: {
    section: "client",
    title: "Repeating",
    text: "One message of a conversation is in flight at a time. It is sent again under the same client id after 10 seconds without an answer, a disconnect, or an error that may pass. After 24 hours or any other error it is shown as not sent, with its text, and can be tried again or deleted.",
  },
  CR3: {
    section: "client",
    title: "Applying events",
    text: "An event with `seq == last + 1` is applied, one with a lower number ignored. One further ahead waits (at most 200 do), and what is missing is fetched after 250 ms. A message is shown once, by its id and by the client id of the outbox.",
  },
  CR4: {
    section: "client",
    title: "Pending messages",
    text: "Messages that are not confirmed are shown after all confirmed ones; with `ok` or their event they take their place.",
  },
  CR5: {
    section: "client",
    title: "Acknowledging",
    text: "`ack` follows the events that the client holds, at the latest after a second or 50 events, and never runs ahead of them.",
  },
  CR7: {
    section: "client",
    title: "Another epoch",
    text: "After a welcome with another epoch the client drops its cursors and everything it has read, and loads again. Its own messages of the last 24 hours that were confirmed under the old epoch go out once more under their client ids, in their old order and before anything new: what the server has kept it knows, what it has lost comes back.",
  },
  CR8: {
    section: "client",
    title: "Without a WebSocket",
    text: "Where no WebSocket gets through, a client calls `GET /v1/events` again and again, each time with what it holds. The call waits up to 25 seconds and answers the frames that a socket with the same hello would have got; it counts as a connection, and ends with 401 when the sign-in does and with 503 on a restart. Messages, fetches and marks go by their routes, with the same meaning.",
  },
  CR9: {
    section: "client",
    title: "Several tabs",
    text: "The tabs of a browser are one device with one outbox and one connection: one of them leads, the others show what it knows and act through it. When it closes, dies or freezes, another takes over as the same device. Where tabs cannot find out about each other (no Web Locks), each is a device of its own.",
  },

  KA1: {
    section: "keeping",
    title: "Heartbeat of the server",
    text: "The server sends a WebSocket ping every 25 seconds (`heartbeatMs` of the welcome) and ends a socket from which nothing came for 60.",
  },
  KA2: {
    section: "keeping",
    title: "Ping and pong",
    text: "A `ping` frame is answered with `pong` and the same number.",
  },
  KA3: {
    section: "keeping",
    title: "Heartbeat of the client",
    text: "A client sends its first ping after a random part of the heartbeat and then one in each; after 60 seconds without any data it closes with 4000 and connects again.",
  },
  KA4: {
    section: "keeping",
    title: "Coming back",
    text: "A client waits `rand(0, min(cap, 1 s × 2ⁿ))` before try n, with a cap of 60 seconds for staff and 120 for customers, and after `drain` a random part of `spreadMs`; at least `retryAfterMs` where it was told one. n starts again after 60 stable seconds. When the network or the page comes back it tries once within half a second, at most every 10 seconds.",
  },
  KA5: {
    section: "keeping",
    title: "Terminal codes",
    text: "After a terminal close code a client does not come back by itself and shows why. After 4401 it gets one new ticket first.",
  },
  KA6: {
    section: "keeping",
    title: "Admission",
    text: "Beyond 300 hellos a second or 200 at the same moment a process refuses the upgrade with 503 and `Retry-After`, 5 to 30 seconds at random.",
  },
  KA7: {
    section: "keeping",
    title: "Drain",
    text: "A process that ends says that it is not ready, sends `drain`, closes its sockets with 1012 spread over `spreadMs`, finishes the sends it has taken, and exits with 0.",
  },

  BP1: {
    section: "pressure",
    title: "A client that reads slowly",
    text: "While more than 128 KiB or 100 frames wait for a client, nothing ephemeral is sent to it; of feed items and receipts it gets the newest, once it has caught up.",
  },
  BP2: {
    section: "pressure",
    title: "A client that is behind",
    text: "While more than 512 KiB wait, events are not sent either. When the client has caught up, they are read from the database like in a replay, and `synced` ends that.",
  },
  BP3: {
    section: "pressure",
    title: "A client that does not read",
    text: "When more than 1 MiB waits, a frame waits for 15 seconds, or a write is stalled for 30, the connection is closed with 4490 and its queue dropped; the client resumes from what it holds.",
  },
  BP4: {
    section: "pressure",
    title: "An overloaded process",
    text: "A process that has too much to do (memory, a late event loop, queries that wait; thresholds are settings) says that it is not ready, refuses upgrades with 503 and hellos with 1013, and passes nothing ephemeral on. Messages are stored and passed on as ever.",
  },
  BP5: {
    section: "pressure",
    title: "Too many frames",
    text: "A connection may send 20 frames a second and 60 at once. Further ones are answered `RATE_LIMITED` with `retryAfterMs`; three seconds of excess within a minute close it with 4429.",
  },
  BP6: {
    section: "pressure",
    title: "Too many messages",
    text: "An agent may send 5 messages a second and 20 at once, a customer 1 and 10; a company and the customers behind one address have limits of their own. Further ones are answered `RATE_LIMITED` with `retryAfterMs`, and are not stored.",
  },
  BP7: {
    section: "pressure",
    title: "Frames in hand",
    text: "While 32 frames of a connection are being worked on, no further ones are read from its socket.",
  },

  LM1: {
    section: "limits",
    title: "Frame of a client",
    text: "A frame larger than 64 KiB closes the connection with 1009.",
  },
  LM2: {
    section: "limits",
    title: "Text",
    text: "A text has 1 to 16,000 UTF-16 units and at most 32 KiB of UTF-8, is not blank, and holds neither U+0000 nor half a surrogate pair; any other is refused with `VALIDATION`.",
  },
  LM3: {
    section: "limits",
    title: "Subscriptions",
    text: "A connection follows at most 200 conversations; one more is answered `RATE_LIMITED`.",
  },
  LM4: {
    section: "limits",
    title: "Connections",
    text: "10 connections of an agent, 5 of a customer's device, 50 of customers behind one address; one more is answered `RATE_LIMITED` and closed with 4429. A connection that ends gives its place back.",
  },
  LM5: {
    section: "limits",
    title: "Catching up",
    text: "If more than 200 events of a conversation are missing, or more than 1,000 of a whole resume, the server sends `gap` and then the latest 50.",
  },
  LM6: {
    section: "limits",
    title: "Fetch",
    text: "A `fetch` asks for at most 200 events; one that asks for more is answered `VALIDATION`.",
  },
  LM7: {
    section: "limits",
    title: "Feed",
    text: 'If more than 500 conversations changed since the cursor, the welcome says `resume: "reset"` and the client reads its list again.',
  },
  LM8: {
    section: "limits",
    title: "HTTP bodies",
    text: "A body of more than 1 MiB, or 8 KiB where people sign in, is refused with `TOO_LARGE`.",
  },
  LM9: {
    section: "limits",
    title: "Nesting",
    text: "JSON that is nested deeper than 20 levels, and a frame with more than 1,000 keys and elements, are refused with `TOO_LARGE`; the connection goes on.",
  },
  LM10: {
    section: "limits",
    title: "Page",
    text: "A `page` has at most 256 KiB: it ends earlier with `more: true` where the events asked for have more.",
  },
  LM11: {
    section: "limits",
    title: "Poll",
    text: "`GET /v1/events` takes at most 100 conversations, and answers about a mebibyte at most; the next call brings the rest.",
  },

  ER1: {
    section: "errors",
    title: "Unknown keys",
    text: "Keys that a frame of a client does not need are ignored; those of a `message` are refused.",
  },
  ER2: {
    section: "errors",
    title: "Unknown types",
    text: "A frame of an unknown type is answered `UNKNOWN_TYPE`, and the connection goes on.",
  },
  ER3: {
    section: "errors",
    title: "Unreadable frames",
    text: "A frame that is binary, no JSON, or no object closes the connection with 4400.",
  },
  ER4: {
    section: "errors",
    title: "Wrong fields",
    text: "A frame with a missing or wrong field is answered `VALIDATION` with the fields in `details.fields`, changes nothing, and the connection goes on.",
  },
  ER5: {
    section: "errors",
    title: "Answers carry the number of the question",
    text: "An `error` carries the `id` of the frame that it answers (null if that has none), a code of the list, and whether the same request may succeed later.",
  },
  ER6: {
    section: "errors",
    title: "Not yours is not there",
    text: "What belongs to another person or company is answered exactly like what does not exist.",
  },
  ER7: {
    section: "errors",
    title: "The same codes over HTTP",
    text: "HTTP answers the same codes as `application/problem+json`, with the status of the list.",
  },
  ER8: {
    section: "errors",
    title: "Versions and paths",
    text: "A version that the server does not speak is closed with 4426; another path is answered 404 and another sub-protocol 426 before the upgrade.",
  },
  ER9: {
    section: "errors",
    title: "Closed conversations",
    text: "An agent's text to a closed conversation is refused with `CONVERSATION_CLOSED`; a customer's reopens it.",
  },

  RS1: {
    section: "marks",
    title: "Unread",
    text: "Unread is the number of messages of the other side after the read mark; it can always be counted anew from the history.",
  },
  RS2: {
    section: "marks",
    title: "Status",
    text: "The status of a message follows from the marks of the other side: sent, then delivered, then read; it never goes back.",
  },
  RS3: {
    section: "marks",
    title: "Marks are of the reader's lane",
    text: "Every mark that a connection sends or receives is a number of its own lane.",
  },
  RS4: {
    section: "marks",
    title: "Typing",
    text: "Typing goes to the others who follow the conversation, typing of a note to staff alone. It is never stored, may be lost, and ends by itself after 6 seconds. A client tells it at most every 3 seconds.",
  },
  RS5: {
    section: "marks",
    title: "Presence",
    text: "After `synced`, and whenever it changes, staff learn whether the customer is connected with any device, and the customer whether anybody of the business is, but not who. Whoever comes back within five seconds was never away.",
  },
  RS6: {
    section: "marks",
    title: "Viewing",
    text: "Staff who follow a conversation learn which colleague looks at it, from `viewing` until that is taken back, is not renewed for 30 seconds, or its connection ends. A customer learns nothing of it, and may not say it.",
  },
} as const satisfies Record<string, Rule>;

export type RuleId = keyof typeof rules;
