import type { ConnectionStatus } from "@presszero/sdk";
import { useEffect, useState } from "preact/hooks";
import { useLocale } from "./locale.ts";

/** A short interruption heals by itself: it is not worth a word. */
const patienceMs = 1_500;

/** Says what a person has to know about the connection, in words and politely. */
export function ConnectionBanner({ connection, onRestart }: { connection: ConnectionStatus; onRestart: () => void }) {
  const { t } = useLocale();
  const [patient, setPatient] = useState(true);
  const [online, setOnline] = useState(navigator.onLine);
  const live = connection.name === "live";

  useEffect(() => {
    setPatient(true);
    const timer = setTimeout(() => setPatient(false), patienceMs);
    return () => clearTimeout(timer);
  }, [live]);

  useEffect(() => {
    const update = () => setOnline(navigator.onLine);
    addEventListener("online", update);
    addEventListener("offline", update);
    return () => {
      removeEventListener("online", update);
      removeEventListener("offline", update);
    };
  }, []);

  const banner = describe();
  return (
    <div role="status" class="banner-place">
      {banner && (
        <p class={`banner ${banner.calm ? "calm" : ""}`}>
          <span>{banner.text}</span>
          {banner.action && (
            <button type="button" class="link" onClick={banner.action.run}>
              {banner.action.label}
            </button>
          )}
        </p>
      )}
    </div>
  );

  function describe(): { text: string; calm?: boolean; action?: { label: string; run: () => void } } | null {
    if (connection.name === "stopped") {
      const { reason } = connection;
      if (
        reason === "UNAUTHENTICATED" ||
        reason === "SESSION_REVOKED" ||
        reason === "CONSENT_REQUIRED" ||
        reason === "LOGOUT"
      ) {
        return { text: t("connection.ended"), action: { label: t("connection.restart"), run: onRestart } };
      }
      const text = reason === "CLIENT_TOO_OLD" ? t("connection.outdated") : t("connection.stopped");
      return { text, action: { label: t("connection.reload"), run: () => location.reload() } };
    }
    if (!online) return { text: t("connection.offline") };
    if (live || patient) return null;
    return connection.name === "connecting"
      ? { text: t("connection.connecting"), calm: true }
      : { text: t("connection.unreachable") };
  }
}
