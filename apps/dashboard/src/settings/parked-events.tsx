import { Button } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import type { ParkedEvent } from "@presszero/contracts";
import { relativeTime } from "@presszero/ui";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api } from "../api.ts";
import { useNow } from "../clock.ts";
import { notifyError } from "../errors.ts";
import { useT } from "../i18n.ts";
import { useFormatLocale } from "../preferences.ts";
import { queryClient } from "../session.ts";
import { Section } from "../shell/page.tsx";
import { Row, Rows } from "../shell/rows.tsx";

const parkedKey = ["parked-events"];

export function ParkedEvents() {
  const t = useT();
  const parked = useQuery({
    queryKey: parkedKey,
    queryFn: async () => (await api("GET /v1/parked-events", { query: { limit: 100 } })).items,
  });
  return (
    <Section title={t("settings.section.parked-events")} lead={t("settings.parked.lead")}>
      <Rows query={parked} empty={t("settings.parked.none")}>
        {(event) => <ParkedRow key={`${event.consumer} ${event.eventId}`} event={event} />}
      </Rows>
    </Section>
  );
}

function ParkedRow({ event }: { event: ParkedEvent }) {
  const t = useT();
  const locale = useFormatLocale();
  const now = useNow();
  const [busy, setBusy] = useState(false);
  const replay = async () => {
    setBusy(true);
    try {
      await api("POST /v1/parked-events/:consumer/:eventId/replay", {
        params: { consumer: event.consumer, eventId: event.eventId },
      });
      notifications.show({ message: t("settings.parked.replayed") });
      await queryClient.invalidateQueries({ queryKey: parkedKey });
    } catch (error) {
      notifyError(t, error);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Row
      title={
        <bdi>
          {event.eventType} → {event.consumer}
        </bdi>
      }
      text={
        <>
          {event.reason}
          <br />
          {t("settings.parked.tries", { count: event.attempts })} · {relativeTime(event.parkedAt, now, locale)} ·{" "}
          <bdi>{event.subjectId}</bdi>
        </>
      }
    >
      <Button size="compact-md" variant="default" loading={busy} onClick={() => void replay()}>
        {t("settings.parked.replay")}
      </Button>
    </Row>
  );
}
