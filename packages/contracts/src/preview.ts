/** The first 140 characters of a message, white space folded: what lists and notices show. */
export function previewOf(text: string): string {
  const folded = text.slice(0, 2000).replace(/\s+/gu, " ").trim();
  const characters = Array.from(folded);
  return characters.length <= 140 ? folded : `${characters.slice(0, 139).join("")}…`;
}
