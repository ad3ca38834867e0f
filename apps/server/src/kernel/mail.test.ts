import { mkdtemp, readdir, readFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SMTPServer } from "smtp-server";
import { expect, test } from "vitest";
import { createMailer } from "./mail.ts";

const mail = {
  to: "anna@example.com",
  subject: "Einladung – willkommen",
  text: "Grüße, نص\nhttps://x.example/?a=b",
  key: "event:7",
};

async function settings(smtpUrl: string | null) {
  const dataDir = await mkdtemp(join(tmpdir(), "presszero-mail-"));
  return { smtpUrl, dataDir, mailFrom: "Press Zero <us@example.com>", publicUrl: "https://chat.example.com" };
}

/** Header and decoded body of what nodemailer made. */
function parse(source: string) {
  const [head = "", body = ""] = source.split(/\r?\n\r?\n/, 2);
  const encoding = /^content-transfer-encoding: (.*)$/im.exec(head)?.[1];
  const bytes =
    encoding === "base64"
      ? Buffer.from(body, "base64")
      : Buffer.from(
          body
            .replace(/=\r?\n/g, "")
            .replace(/=([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(parseInt(hex, 16))),
          "latin1",
        );
  return { head, text: bytes.toString("utf8").replaceAll("\r\n", "\n").trimEnd() };
}

test("without a mail server a file is written, and the same key replaces it", async () => {
  const ours = await settings(null);
  const mailer = createMailer(ours);
  await mailer.send({ ...mail, text: "first" });
  await mailer.send(mail);
  await mailer.send({ ...mail, key: "event:8" });
  const files = await readdir(join(ours.dataDir, "mail"));
  expect(files).toHaveLength(2);
  const texts = await Promise.all(
    files.map(async (file) => parse(await readFile(join(ours.dataDir, "mail", file), "utf8")).text),
  );
  expect(texts).toEqual([mail.text, mail.text]);
});

test("SMTP delivers it, and what is sent again has the same Message-ID", async () => {
  const received: { to: string[]; source: string }[] = [];
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ["STARTTLS"],
    onData(stream, session, done) {
      const chunks: Buffer[] = [];
      stream.on("data", (chunk: Buffer) => chunks.push(chunk));
      stream.on("end", () => {
        const to = session.envelope.rcptTo.map(({ address }) => address);
        received.push({ to, source: Buffer.concat(chunks).toString("utf8") });
        done();
      });
    },
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.server.address() as AddressInfo;
  try {
    const mailer = createMailer(await settings(`smtp://127.0.0.1:${port}`));
    await mailer.send(mail);
    await mailer.send(mail);
    await mailer.send({
      ...mail,
      to: "a@example.com\r\nBcc: b@example.com",
      subject: "x\r\nX-Evil: 1",
      key: "event:9",
    });
  } finally {
    await new Promise<void>((resolve) => server.close(() => resolve()));
  }
  const ids = received.map(({ source }) => /^message-id: (.*)$/im.exec(source)?.[1]);
  expect(ids[0]).toMatch(/^<[0-9a-f]{32}@chat\.example\.com>$/);
  expect(ids[1]).toBe(ids[0]);
  expect(ids[2]).not.toBe(ids[0]);
  expect(received[0]!.to).toEqual(["anna@example.com"]);
  expect(parse(received[0]!.source).text).toBe(mail.text);
  expect(parse(received[2]!.source).head).not.toMatch(/^(x-evil|bcc):/im);
});

test("a mail server that is not there is an error", async () => {
  const mailer = createMailer(await settings("smtp://127.0.0.1:1"));
  await expect(mailer.send(mail)).rejects.toThrow(/ECONNREFUSED/);
});
