import { Alert, Anchor, Button, PasswordInput, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { Link, useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { api, codeOf } from "../api.ts";
import { errorText, fieldErrors } from "../errors.ts";
import { useT } from "../i18n.ts";
import { AccessPage } from "./access-page.tsx";
import classes from "./access-page.module.css";
import { enter } from "./enter.ts";
import { useHashToken } from "./use-hash-token.ts";

export function Setup() {
  const t = useT();
  const navigate = useNavigate();
  const token = useHashToken();
  const [failure, setFailure] = useState<string | null>(null);
  const [closed, setClosed] = useState(false);
  const form = useForm({
    mode: "uncontrolled",
    initialValues: { companyName: "", name: "", email: "", password: "" },
    validate: { password: (value) => (value.length < 10 ? t("fields.passwordTooShort", { count: 10 }) : null) },
  });

  if (!token || closed) {
    return (
      <AccessPage
        title={closed ? t("setup.closedTitle") : t("setup.noTokenTitle")}
        lead={closed ? t("setup.closedLead") : t("setup.noTokenLead")}
      >
        <div className={classes.choices}>
          <Anchor component={Link} to="/sign-in">
            {t("signIn.title")}
          </Anchor>
        </div>
      </AccessPage>
    );
  }

  const submit = form.onSubmit(async (values) => {
    setFailure(null);
    try {
      const { me } = await api("POST /v1/setup", { body: { ...values, token } });
      await enter(navigate, me);
    } catch (error) {
      form.setErrors(fieldErrors(t, error));
      if (codeOf(error) === "SETUP_CLOSED") setClosed(true);
      else setFailure(errorText(t, error));
    }
  });

  return (
    <AccessPage title={t("setup.title")} lead={t("setup.lead")}>
      <form className={classes.form} onSubmit={submit}>
        {failure ? (
          <Alert color="red" variant="light" role="alert">
            {failure}
          </Alert>
        ) : null}
        <TextInput
          {...form.getInputProps("companyName")}
          key={form.key("companyName")}
          label={t("fields.companyName")}
          autoComplete="organization"
          maxLength={120}
          required
          withAsterisk={false}
          autoFocus
        />
        <TextInput
          {...form.getInputProps("name")}
          key={form.key("name")}
          label={t("fields.yourName")}
          autoComplete="name"
          maxLength={120}
          required
          withAsterisk={false}
        />
        <TextInput
          {...form.getInputProps("email")}
          key={form.key("email")}
          label={t("fields.email")}
          type="email"
          autoComplete="username"
          required
          withAsterisk={false}
        />
        <PasswordInput
          {...form.getInputProps("password")}
          key={form.key("password")}
          label={t("fields.password")}
          description={t("fields.passwordHint", { count: 10 })}
          autoComplete="new-password"
          maxLength={128}
          required
          withAsterisk={false}
          visibilityToggleButtonProps={{ "aria-label": t("fields.togglePassword"), tabIndex: 0 }}
        />
        <Button type="submit" loading={form.submitting}>
          {t("setup.submit")}
        </Button>
      </form>
    </AccessPage>
  );
}
