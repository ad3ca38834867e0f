import { Alert, Button, ColorInput, TagsInput, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { notifications } from "@mantine/notifications";
import { accentProperties } from "@presszero/ui";
import { useState } from "react";
import { api } from "../api.ts";
import { errorText, fieldErrors } from "../errors.ts";
import { useT } from "../i18n.ts";
import { meQuery, queryClient, useMe, type AgentMe } from "../session.ts";
import { Section } from "../shell/page.tsx";
import { useScheme } from "../theme/scheme.ts";
import classes from "./settings.module.css";

const swatches = ["#2f5bd7", "#6d3fd1", "#b3267a", "#c2331f", "#c45500", "#8a6d00", "#1b7a3d", "#0b7a75", "#17181b"];

export function CompanySettings() {
  const t = useT();
  const me = useMe();
  const { company } = me;
  const scheme = useScheme();
  const [failure, setFailure] = useState<string | null>(null);
  const form = useForm({
    initialValues: { name: company.name, accentColor: company.accentColor, allowedOrigins: company.allowedOrigins },
    validate: {
      name: (value) => (value.trim() === "" ? t("fields.required") : null),
      accentColor: (value) => (/^#[0-9a-f]{6}$/i.test(value) ? null : t("settings.company.colorInvalid")),
      allowedOrigins: (value) =>
        value.every((origin) => /^https?:\/\/[^/\s]+$/.test(origin)) ? null : t("settings.company.originInvalid"),
    },
  });

  const submit = form.onSubmit(async (values) => {
    setFailure(null);
    try {
      const changed = await api("PATCH /v1/company", {
        body: { ...values, accentColor: values.accentColor.toLowerCase() },
      });
      const next: AgentMe = { ...me, company: changed };
      queryClient.setQueryData(meQuery.queryKey, next);
      form.resetDirty();
      notifications.show({ message: t("common.saved") });
    } catch (error) {
      form.setErrors(fieldErrors(t, error));
      setFailure(errorText(t, error));
    }
  });

  const sample = accentProperties(form.values.accentColor);

  return (
    <Section title={t("settings.section.company")} lead={t("settings.company.lead")}>
      <form className={classes.form} onSubmit={submit}>
        {failure ? (
          <Alert color="red" variant="light" role="alert">
            {failure}
          </Alert>
        ) : null}
        <TextInput {...form.getInputProps("name")} label={t("fields.companyName")} maxLength={120} />
        <ColorInput
          {...form.getInputProps("accentColor")}
          label={t("settings.company.color")}
          description={t("settings.company.colorHint")}
          format="hex"
          eyeDropperButtonProps={{ "aria-label": t("settings.company.pick") }}
          swatches={swatches}
          swatchesPerRow={9}
        />
        <div className={classes.sample} aria-hidden>
          <span
            className={classes.bubble}
            style={{ background: sample[`--pz-accent-${scheme}`], color: sample[`--pz-on-accent-${scheme}`] }}
          >
            {t("settings.company.sample")}
          </span>
          <span style={{ color: sample[`--pz-accent-text-${scheme}`] }}>{t("settings.company.sample")}</span>
        </div>
        <TagsInput
          {...form.getInputProps("allowedOrigins")}
          label={t("settings.company.origins")}
          description={t("settings.company.originsHint")}
          placeholder={form.values.allowedOrigins.length === 0 ? "https://shop.example" : undefined}
          splitChars={[",", " "]}
          acceptValueOnBlur
          maxTags={50}
          dir="ltr"
        />
        <Button type="submit" loading={form.submitting} disabled={!form.isDirty()}>
          {t("common.save")}
        </Button>
      </form>
    </Section>
  );
}
