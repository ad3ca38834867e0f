import { Notifications } from "@mantine/notifications";
import { useDirection } from "@mantine/core";

/** Where short messages appear: at the foot of the list, away from the composer. */
export default function NotificationArea() {
  const { dir } = useDirection();
  return <Notifications position={dir === "rtl" ? "bottom-right" : "bottom-left"} containerWidth={320} />;
}
