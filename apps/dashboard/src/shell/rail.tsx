import { IconInbox, IconSettings, IconUsers } from "@tabler/icons-react";
import { Link, useParams } from "@tanstack/react-router";
import { lazy, Suspense } from "react";
import { useT } from "../i18n.ts";
import { Avatar } from "../person.tsx";
import { useMay, useMe } from "../session.ts";
import classes from "./rail.module.css";
import { useUnreadCount } from "./title-badge.ts";

const OwnMenu = lazy(() => import("./own-menu.tsx"));

export function Rail() {
  const t = useT();
  const unread = useUnreadCount();
  const { agent } = useMe();
  const seesTeam = useMay("agents.read");
  const { conversationId } = useParams({ strict: false });

  return (
    <nav className={classes.rail} aria-label={t("shell.navigation")} data-in-thread={conversationId ? true : undefined}>
      <Link
        to="/inbox/{-$view}/{-$conversationId}"
        params={{ view: "open" }}
        className={classes.link}
        activeOptions={{ includeSearch: false }}
      >
        <IconInbox size={20} stroke={1.75} />
        <span className={classes.label}>{t("shell.inbox")}</span>
        {unread > 0 ? (
          <span className={classes.badge} aria-label={t("shell.unread", { count: unread })}>
            {unread > 99 ? "99+" : unread}
          </span>
        ) : null}
      </Link>
      {seesTeam ? (
        <Link to="/team" className={classes.link}>
          <IconUsers size={20} stroke={1.75} />
          <span className={classes.label}>{t("shell.team")}</span>
        </Link>
      ) : null}
      <Link to="/settings/{-$section}" className={classes.link}>
        <IconSettings size={20} stroke={1.75} />
        <span className={classes.label}>{t("shell.settings")}</span>
      </Link>
      <span className={classes.space} />
      <Suspense fallback={<Avatar id={agent.id} name={agent.name} type="agent" size={32} />}>
        <OwnMenu />
      </Suspense>
    </nav>
  );
}
