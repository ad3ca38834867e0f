import { useMediaQuery } from "@mantine/hooks";

/** How much fits beside each other: one pane, list and thread, or details as well. */
export type Room = "one" | "two" | "three";

export function useRoom(): Room {
  const narrow = useMediaQuery("(max-width: 760px)", undefined, { getInitialValueInEffect: false });
  const medium = useMediaQuery("(max-width: 1100px)", undefined, { getInitialValueInEffect: false });
  if (narrow) return "one";
  return medium ? "two" : "three";
}
