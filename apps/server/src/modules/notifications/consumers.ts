import { invitationId, locale } from "@presszero/contracts";
import type { Consumer } from "../../kernel/consumers.ts";
import { findInvitationMail } from "../identity/index.ts";
import { composeMail } from "./mail-texts.ts";

/** Sends the link to an invited person, unless the invitation was used or revoked meanwhile. */
const invitationMail: Consumer = {
  name: "notifications.invitation-mail",
  types: ["agent.invited"],
  async handle(ctx, event) {
    const invitation = await findInvitationMail(ctx, invitationId.parse(event.subjectId));
    if (!invitation) return;
    const { email, expiresAt, ...texts } = invitation;
    await ctx.mailer.send({
      to: email,
      key: `invitation-mail ${event.companyId} ${event.id}`,
      ...composeMail(locale.catch("en").parse(event.data.locale), "invitation", {
        ...texts,
        expires: expiresAt.toISOString().slice(0, 10),
      }),
    });
  },
};

export const notificationsConsumers: readonly Consumer[] = [invitationMail];
