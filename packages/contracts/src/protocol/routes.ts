import { z } from "zod";
import { clientUuid, conversationId } from "../ids.ts";
import { route } from "../route.ts";
import { maxPolledConversations } from "./constants.ts";
import { serverFrame } from "./frames.ts";

const conversation = z
  .string()
  .regex(/^cnv_[0-9a-z]{26}(:\d{1,15}){1,4}$/, "must be a conversation id and a seq, such as cnv_…:118")
  .transform((item) => {
    const [id, ...numbers] = item.split(":");
    const [after = 0, myRead, otherDelivered, otherRead] = numbers.map(Number);
    return { conversationId: conversationId.parse(id), after, marks: { myRead, otherDelivered, otherRead } };
  });

/**
 * `cnv_…:118:116:118:118,cnv_…:0`: conversations, the last seq that the client holds of each, and, once it has been told
 * them, how far it has read and how far the other side has received and read.
 */
const followed = z
  .string()
  .transform((text) => (text === "" ? [] : text.split(",")))
  .pipe(z.array(conversation).max(maxPolledConversations));

export const realtimeRoutes = [
  route({
    method: "GET",
    path: "/v1/events",
    summary: "Wait up to 25 s for what happens, where no WebSocket gets through",
    access: "signed_in",
    query: z.strictObject({
      deviceId: clientUuid,
      /** As in the `hello` frame; leave it out on the first call. */
      epoch: z.string().max(64).optional(),
      /** The last feed cursor; empty for a first one; leave it out to get no feed. */
      cursor: z.string().max(300).optional(),
      conversations: followed.optional(),
      /** The most seconds to wait when there is nothing to tell; 0 asks how things are. */
      wait: z.coerce.number().int().min(0).max(25).default(25),
    }),
    /** What a WebSocket with the same hello would have got. */
    response: z.strictObject({ frames: z.array(serverFrame) }),
  }),
];
