import en from "./messages/en.json" with { type: "json" };

/** Fills the subject and text of a mail from the catalogue. Values of people are put on one line. */
export function composeMail(name: keyof typeof en, values: Record<string, string>): { subject: string; text: string } {
  const fill = (template: string) =>
    template.replace(/\{(\w+)\}/g, (_, key: string) => (values[key] ?? "").replace(/[\p{C}\p{Z}]+/gu, " "));
  return { subject: fill(en[name].subject), text: fill(en[name].text) };
}
