import { Button } from "@mantine/core";
import { useRouter } from "@tanstack/react-router";
import { codeOf } from "../api.ts";
import { errorText } from "../errors.ts";
import { useT } from "../i18n.ts";
import { Notice } from "./notice.tsx";

/** A whole screen could not be loaded or drawn. */
export function Failure({ error }: { error: unknown }) {
  const t = useT();
  const router = useRouter();
  const retry = () => (codeOf(error) === "INTERNAL" ? location.reload() : void router.invalidate());
  return (
    <Notice title={t("failure.title")} text={errorText(t, error)}>
      <Button variant="default" onClick={retry}>
        {t("common.retry")}
      </Button>
    </Notice>
  );
}
