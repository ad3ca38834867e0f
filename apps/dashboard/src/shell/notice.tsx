import type { ReactNode } from "react";
import classes from "./notice.module.css";

/** What stands where content would be: nothing there yet, or it could not be loaded, and the way on. */
export function Notice({
  icon,
  title,
  text,
  children,
}: {
  icon?: ReactNode;
  title: string;
  text?: string;
  children?: ReactNode;
}) {
  return (
    <div className={classes.notice}>
      {icon ? <div className={classes.icon}>{icon}</div> : null}
      <h2>{title}</h2>
      {text ? <p>{text}</p> : null}
      {children ? <div className={classes.actions}>{children}</div> : null}
    </div>
  );
}
