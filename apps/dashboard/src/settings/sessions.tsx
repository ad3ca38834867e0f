import { Badge, Button } from "@mantine/core";
import type { Session } from "@presszero/contracts";
import { relativeTime } from "@presszero/ui";
import { useQuery } from "@tanstack/react-query";
import { api } from "../api.ts";
import { useNow } from "../clock.ts";
import { notifyError } from "../errors.ts";
import { useT } from "../i18n.ts";
import { useFormatLocale } from "../preferences.ts";
import { queryClient } from "../session.ts";
import { Section } from "../shell/page.tsx";
import { Row, Rows } from "../shell/rows.tsx";

const sessionsKey = ["sessions"];

export function Sessions() {
  const t = useT();
  const sessions = useQuery({ queryKey: sessionsKey, queryFn: async () => (await api("GET /v1/sessions")).items });
  return (
    <Section title={t("settings.section.sessions")} lead={t("settings.sessions.lead")}>
      <Rows query={sessions} empty={t("settings.sessions.none")}>
        {(session) => <SessionRow key={session.id} session={session} />}
      </Rows>
    </Section>
  );
}

const browsers: readonly (readonly [RegExp, string])[] = [
  [/Edg\//, "Edge"],
  [/OPR\//, "Opera"],
  [/Firefox\//, "Firefox"],
  [/Chrome\//, "Chrome"],
  [/Safari\//, "Safari"],
];
const systems: readonly (readonly [RegExp, string])[] = [
  [/Windows/, "Windows"],
  [/iPhone|iPad/, "iOS"],
  [/Android/, "Android"],
  [/Mac OS X/, "macOS"],
  [/Linux/, "Linux"],
];

/** "Firefox · Windows", or the whole text when it names neither. */
function deviceName(userAgent: string): string {
  const find = (names: typeof browsers) => names.find(([pattern]) => pattern.test(userAgent))?.[1];
  return [find(browsers), find(systems)].filter(Boolean).join(" · ") || userAgent;
}

function SessionRow({ session }: { session: Session }) {
  const t = useT();
  const locale = useFormatLocale();
  const now = useNow();
  const revoke = async () => {
    await api("DELETE /v1/sessions/:sessionId", { params: { sessionId: session.id } });
    await queryClient.invalidateQueries({ queryKey: sessionsKey });
  };
  return (
    <Row
      title={<span title={session.userAgent}>{deviceName(session.userAgent)}</span>}
      text={t("settings.sessions.used", {
        when: relativeTime(session.lastUsedAt, now, locale),
        since: relativeTime(session.createdAt, now, locale),
      })}
    >
      {session.current ? (
        <Badge variant="light">{t("settings.sessions.current")}</Badge>
      ) : (
        <Button size="compact-md" variant="default" onClick={() => revoke().catch((error) => notifyError(t, error))}>
          {t("common.revoke")}
        </Button>
      )}
    </Row>
  );
}
