import { VisuallyHidden } from "@mantine/core";
import { Outlet, useRouter } from "@tanstack/react-router";
import { useEffect } from "react";
import { SyncProvider, useSync } from "../conversations.tsx";
import { useT } from "../i18n.ts";
import { useMe } from "../session.ts";
import { applyAccent } from "../theme/accent.ts";
import { Announcer } from "./announcer.tsx";
import { ConnectionBanner } from "./connection.tsx";
import { Rail } from "./rail.tsx";
import classes from "./shell.module.css";
import { useTitleBadge } from "./title-badge.ts";

/** The frame of the app for a signed-in agent. */
export function Shell() {
  const me = useMe();
  useEffect(() => applyAccent(me.company.accentColor), [me.company.accentColor]);
  return (
    <SyncProvider agentId={me.agent.id} fallback={<div className={classes.shell} aria-busy />}>
      <Frame />
    </SyncProvider>
  );
}

function Frame() {
  const t = useT();
  const sync = useSync();
  useTitleBadge();

  // Fetched while nobody waits, so that the way there stays open when the server is gone for a moment.
  const router = useRouter();
  useEffect(() => {
    const timer = setTimeout(() => {
      for (const to of ["/team", "/settings/{-$section}"] as const) {
        router.preloadRoute({ to }).catch(() => {
          // Going there shows the failure.
        });
      }
    }, 3_000);
    return () => clearTimeout(timer);
  }, [router]);

  // What concerns this agent is known on every screen, not only when the inbox has been opened.
  useEffect(() => {
    for (const assignee of ["me", "none"] as const) {
      sync.loadConversations({ status: "open", assignee }).catch(() => {
        // The inbox shows the failure and offers to try again; the feed fills the state in any case.
      });
    }
  }, [sync]);

  return (
    <div className={classes.shell}>
      <a className={classes.skip} href="#main">
        {t("shell.skip")}
      </a>
      <Rail />
      <main id="main" tabIndex={-1} className={classes.main}>
        <ConnectionBanner />
        <div className={classes.screen}>
          <Outlet />
        </div>
      </main>
      <VisuallyHidden>
        <Announcer />
      </VisuallyHidden>
    </div>
  );
}
