import { useMediaQuery } from "@mantine/hooks";

/** How much fits beside each other: one pane, list and thread, or details as well. */
export type Room = "one" | "two" | "three";

/** 760 and 1100 px for a reader with the usual text; in em, so that larger text has room as well. */
export function useRoom(): Room {
  const narrow = useMediaQuery("(max-width: 47.5em)", undefined, { getInitialValueInEffect: false });
  const medium = useMediaQuery("(max-width: 68.75em)", undefined, { getInitialValueInEffect: false });
  if (narrow) return "one";
  return medium ? "two" : "three";
}
