import { useParams, Link } from "@tanstack/react-router";
import type { Permission } from "@presszero/contracts";
import { type ComponentType, useEffect, useRef } from "react";
import { useT } from "../i18n.ts";
import { useMe } from "../session.ts";
import { Page } from "../shell/page.tsx";
import { ApiKeys } from "./api-keys.tsx";
import { Companies } from "./companies.tsx";
import { CompanySettings } from "./company-settings.tsx";
import { ParkedEvents } from "./parked-events.tsx";
import { Sessions } from "./sessions.tsx";
import classes from "./settings.module.css";
import { WidgetSettings } from "./widget-settings.tsx";

const settingsSections = ["company", "widget", "api-keys", "sessions", "parked-events", "companies"] as const;
type SettingsSection = (typeof settingsSections)[number];

const sections: Record<SettingsSection, { permission: Permission | null; Content: ComponentType }> = {
  company: { permission: "company.manage", Content: CompanySettings },
  widget: { permission: null, Content: WidgetSettings },
  "api-keys": { permission: "api_keys.manage", Content: ApiKeys },
  sessions: { permission: "agents.read", Content: Sessions },
  "parked-events": { permission: "events.manage", Content: ParkedEvents },
  companies: { permission: "platform.manage", Content: Companies },
};

/** One topic a page; a person sees the topics they may change. */
export function Settings() {
  const t = useT();
  const { permissions } = useMe();
  const { section } = useParams({ from: "/signed-in/settings/{-$section}" });
  const mine = settingsSections.filter((name) => {
    const needed = sections[name].permission;
    return needed === null || permissions.includes(needed);
  });
  const current = mine.find((name) => name === section) ?? mine[0] ?? "widget";
  const { Content } = sections[current];

  // On a phone the topics are a strip wider than the screen.
  const tabs = useRef<HTMLElement>(null);
  useEffect(() => {
    tabs.current?.querySelector("[data-chosen]")?.scrollIntoView({ block: "nearest", inline: "center" });
  }, [current]);

  return (
    <Page title={t("shell.settings")}>
      <nav className={classes.tabs} ref={tabs} aria-label={t("settings.sections")}>
        {mine.map((name) => (
          <Link
            key={name}
            to="/settings/{-$section}"
            params={{ section: name }}
            className={classes.tab}
            data-chosen={name === current || undefined}
            aria-current={name === current ? "page" : undefined}
          >
            {t(`settings.section.${name}`)}
          </Link>
        ))}
      </nav>
      <Content />
    </Page>
  );
}
