import { Skeleton } from "@mantine/core";
import { useT } from "../i18n.ts";
import classes from "./thread-skeleton.module.css";

/** The shape of a conversation that is on its way. */
export function ThreadSkeleton() {
  const t = useT();
  const widths = [46, 62, 38, 54, 30];
  return (
    <div className={classes.skeleton} role="status" aria-busy aria-label={t("common.loading")}>
      {widths.map((width, at) => (
        <Skeleton
          key={width}
          height={at % 2 ? 52 : 36}
          width={`${width}%`}
          radius={14}
          className={at % 2 ? classes.far : undefined}
        />
      ))}
    </div>
  );
}
