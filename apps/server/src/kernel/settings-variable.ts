import { z } from "zod";

/** `shown` stands in for the default where that depends on something else; a secret may also come from a file. */
export type Notes = { meaning: string; shown?: string; secret?: true; example?: string };

/** A setting as an environment variable: how its text is read, and what the documentation says of it. */
export function setting<T extends z.ZodType>(schema: T, notes: Notes): { schema: T; notes: Notes } {
  return { schema, notes };
}

export const text = (message: string, isRight: (value: string) => boolean) => z.string().refine(isRight, message);
