import { Button } from "@mantine/core";
import { ApiError } from "@presszero/sdk";
import { useRouter } from "@tanstack/react-router";
import { errorText } from "../errors.ts";
import { useT } from "../i18n.ts";
import { Notice } from "./notice.tsx";

/** A whole screen could not be loaded or drawn. What the server refused may work again; anything else needs a new page. */
export function Failure({ error }: { error: unknown }) {
  const t = useT();
  const router = useRouter();
  const refused = error instanceof ApiError;
  return (
    <Notice title={t("failure.title")} text={refused ? errorText(t, error) : t("failure.text")}>
      <Button variant="default" onClick={() => (refused ? void router.invalidate() : location.reload())}>
        {refused ? t("common.retry") : t("connection.reload")}
      </Button>
    </Notice>
  );
}
