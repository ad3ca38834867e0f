import { z } from "zod";

/** What no name needs: control characters, and marks that turn the text around them (U+202A to U+202E, U+2066 to U+2069). */
const unwanted = /[\p{Cc}\u202a-\u202e\u2066-\u2069]/u;
const visible = /[^\p{Cc}\p{Cf}\p{Z}]/u;

/** Name of a person, company or thing: one line of well-formed Unicode with something to see. */
export const nameText = z
  .string()
  .trim()
  .min(1)
  .max(120)
  .refine((text) => !unwanted.test(text), "must not contain control characters")
  .refine((text) => text.isWellFormed(), "must be well-formed Unicode")
  .refine((text) => visible.test(text), "must not be blank");

/** A language tag such as `de-AT`. */
export const languageTag = z
  .string()
  .max(35)
  .regex(/^[a-z]{2,8}(-[a-z0-9]{1,8})*$/i, "must be a language tag such as de-AT");

/** The languages of Press Zero itself. */
export const locales = ["en", "de", "ar"] as const;
export type Locale = (typeof locales)[number];
export const locale = z.enum(locales);
