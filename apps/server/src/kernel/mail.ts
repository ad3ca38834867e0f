import { createHash } from "node:crypto";
import { mkdir, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createTransport } from "nodemailer";
import type { Settings } from "./settings.ts";

/** `key` names the mail, e.g. the id of the event that caused it: the same key is the same mail, sent again. */
export type Mail = { to: string; subject: string; text: string; key: string };

/** Port: mail that leaves the house. Sending may be repeated, so it happens at least once. */
export type Mailer = { send(mail: Mail): Promise<void> };

/** Sends by SMTP; without a mail server it writes `.eml` files to `DATA_DIR/mail`, one for each key. */
export function createMailer(settings: Pick<Settings, "smtpUrl" | "mailFrom" | "dataDir" | "publicUrl">): Mailer {
  const envelope = (mail: Mail) => ({
    from: settings.mailFrom,
    to: mail.to,
    subject: mail.subject,
    text: mail.text,
    // Mail programs drop a second mail of the same id.
    messageId: `<${keyHash(mail)}@${new URL(settings.publicUrl).hostname}>`,
    headers: { "Auto-Submitted": "auto-generated" },
    disableFileAccess: true,
    disableUrlAccess: true,
  });

  if (settings.smtpUrl) {
    const transport = createTransport({
      url: settings.smtpUrl,
      connectionTimeout: 5_000,
      greetingTimeout: 5_000,
      socketTimeout: 20_000,
    });
    return { send: async (mail) => void (await transport.sendMail(envelope(mail))) };
  }

  const transport = createTransport({ streamTransport: true, buffer: true });
  const directory = join(settings.dataDir, "mail");
  return {
    async send(mail) {
      const { message } = await transport.sendMail(envelope(mail));
      await mkdir(directory, { recursive: true, mode: 0o700 });
      const file = join(directory, `${keyHash(mail)}.eml`);
      await writeFile(`${file}.new`, message as Buffer, { mode: 0o600 });
      await rename(`${file}.new`, file);
    },
  };
}

function keyHash(mail: Mail): string {
  return createHash("sha256").update(mail.key).digest("hex").slice(0, 32);
}
