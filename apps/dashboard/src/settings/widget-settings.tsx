import { useT } from "../i18n.ts";
import { useMe } from "../session.ts";
import { CopyField } from "../shell/copy-field.tsx";
import { Section } from "../shell/page.tsx";

export function WidgetSettings() {
  const t = useT();
  const { company } = useMe();
  const origin = location.origin;
  return (
    <>
      <Section title={t("settings.widget.embed")} lead={t("settings.widget.embedLead")}>
        <CopyField
          label={t("settings.widget.embed")}
          value={`<script src="${origin}/widget.js" data-key="${company.widgetKey}" async></script>`}
        />
      </Section>
      <Section title={t("settings.widget.link")} lead={t("settings.widget.linkLead")}>
        <CopyField label={t("settings.widget.link")} value={`${origin}/chat/${company.widgetKey}`} />
      </Section>
    </>
  );
}
