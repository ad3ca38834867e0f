import { Alert, Button, PasswordInput, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import type { CompanyId } from "@presszero/contracts";
import { ApiError } from "@presszero/sdk";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { api } from "../api.ts";
import { errorText } from "../errors.ts";
import { useT } from "../i18n.ts";
import { AccessPage } from "./access-page.tsx";
import classes from "./access-page.module.css";
import { enter } from "./enter.ts";

type CompanyChoice = { id: CompanyId; name: string };

export function SignIn() {
  const t = useT();
  const navigate = useNavigate();
  const { next } = useSearch({ from: "/sign-in" });
  const [failure, setFailure] = useState<string | null>(null);
  const [companies, setCompanies] = useState<CompanyChoice[]>([]);
  const [busy, setBusy] = useState<string | null>(null);
  const form = useForm({ mode: "uncontrolled", initialValues: { email: "", password: "" } });

  async function signIn(companyId?: CompanyId) {
    setBusy(companyId ?? "form");
    setFailure(null);
    try {
      const { me } = await api("POST /v1/sessions", { body: { ...form.getValues(), companyId } });
      await enter(navigate, me, next);
    } catch (error) {
      if (error instanceof ApiError && error.code === "COMPANY_REQUIRED")
        setCompanies(error.details.companies as CompanyChoice[]);
      else setFailure(errorText(t, error));
    } finally {
      setBusy(null);
    }
  }

  if (companies.length > 0) {
    return (
      <AccessPage title={t("signIn.chooseCompany")} lead={t("signIn.chooseCompanyLead")}>
        {failure ? <Failure text={failure} /> : null}
        <div className={classes.choices}>
          {companies.map((company) => (
            <Button key={company.id} variant="default" loading={busy === company.id} onClick={() => signIn(company.id)}>
              {company.name}
            </Button>
          ))}
          <Button variant="subtle" color="gray" onClick={() => setCompanies([])}>
            {t("common.back")}
          </Button>
        </div>
      </AccessPage>
    );
  }

  return (
    <AccessPage title={t("signIn.title")} lead={t("signIn.lead")}>
      <form className={classes.form} onSubmit={form.onSubmit(() => signIn())}>
        {failure ? <Failure text={failure} /> : null}
        <TextInput
          {...form.getInputProps("email")}
          key={form.key("email")}
          label={t("fields.email")}
          type="email"
          name="email"
          autoComplete="username"
          required
          withAsterisk={false}
          autoFocus
        />
        <PasswordInput
          {...form.getInputProps("password")}
          key={form.key("password")}
          label={t("fields.password")}
          name="password"
          autoComplete="current-password"
          required
          withAsterisk={false}
          visibilityToggleButtonProps={{ "aria-label": t("fields.togglePassword"), tabIndex: 0 }}
        />
        <Button type="submit" loading={busy === "form"}>
          {t("signIn.submit")}
        </Button>
      </form>
    </AccessPage>
  );
}

function Failure({ text }: { text: string }) {
  return (
    <Alert color="red" variant="light" role="alert">
      {text}
    </Alert>
  );
}
