import type { Author } from "@presszero/contracts";
import type { Summary } from "@presszero/sdk";
import { IconBolt, IconUser } from "@tabler/icons-react";
import type { CSSProperties } from "react";
import type { T } from "./i18n.ts";
import classes from "./person.module.css";

/** The end of an id, short enough to say aloud; tells guests apart who gave no name. */
function shortId(id: string): string {
  return id.slice(-4).toUpperCase();
}

function contactName(t: T, contact: { id: string; name: string | null }): string {
  return contact.name ?? t("person.guest", { id: shortId(contact.id) });
}

export function customerName(t: T, summary: Summary): string {
  return summary.contact ? contactName(t, summary.contact) : t("person.customer");
}

export function authorName(t: T, author: Author): string {
  if (author.type === "system") return t("person.system");
  if (author.type === "contact") return contactName(t, author);
  return author.name ?? t("person.agent");
}

/** Up to two letters as people see them, whatever the script: "Ada Lovelace" → "AL", "محمد" → "م". */
function initials(name: string): string {
  const words = name.trim().split(/\s+/);
  const picked = words.length > 1 ? [words[0], words.at(-1)] : [words[0]];
  const segmenter = new Intl.Segmenter(undefined, { granularity: "grapheme" });
  return picked
    .map(
      (word) =>
        segmenter
          .segment(word ?? "")
          [Symbol.iterator]()
          .next().value?.segment ?? "",
    )
    .join("")
    .toLocaleUpperCase();
}

/** A colour that stays the same for the same person. */
function hueOf(id: string): number {
  let sum = 0;
  for (const character of id) sum = (sum * 31 + character.charCodeAt(0)) % 360;
  return sum;
}

type AvatarProps = { id: string; name: string | null; type?: Author["type"]; size?: number };

/** Decoration: the name always stands beside it. */
export function Avatar({ id, name, type = "contact", size = 32 }: AvatarProps) {
  const letters = name ? initials(name) : undefined;
  const machine = type === "system" || type === "api_key";
  return (
    <span
      className={classes.avatar}
      style={{ "--avatar-hue": hueOf(id), "--avatar-size": `${size}px` } as CSSProperties}
      data-letters={machine ? undefined : letters}
      aria-hidden
    >
      {machine ? <IconBolt size={size * 0.5} /> : letters ? null : <IconUser size={size * 0.55} />}
    </span>
  );
}
