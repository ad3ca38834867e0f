import { Button } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { useT } from "../i18n.ts";
import { Notice } from "./notice.tsx";

export function NotFound() {
  const t = useT();
  return (
    <Notice title={t("notFound.title")} text={t("notFound.text")}>
      <Button component={Link} to="/" variant="default">
        {t("notFound.home")}
      </Button>
    </Notice>
  );
}
