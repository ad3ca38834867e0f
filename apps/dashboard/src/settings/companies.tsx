import { Alert, Badge, Button, Group, Modal, Stack, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import type { Company } from "@presszero/contracts";
import { IconPlus } from "@tabler/icons-react";
import { useInfiniteQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api } from "../api.ts";
import { errorText, fieldErrors, notifyError } from "../errors.ts";
import { useT } from "../i18n.ts";
import { getPreferences } from "../preferences.ts";
import { queryClient, useMe } from "../session.ts";
import { useConfirm } from "../shell/confirm.tsx";
import { CopyField } from "../shell/copy-field.tsx";
import { Section } from "../shell/page.tsx";
import { Row, Rows } from "../shell/rows.tsx";

const companiesKey = ["companies"];

export function Companies() {
  const t = useT();
  const [creating, setCreating] = useState(false);
  const companies = useInfiniteQuery({
    queryKey: companiesKey,
    queryFn: ({ pageParam }) => api("GET /v1/companies", { query: { cursor: pageParam } }),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (last) => last.next ?? undefined,
    select: (data) => data.pages.flatMap(({ items }) => items),
  });
  return (
    <Section
      title={t("settings.section.companies")}
      lead={t("settings.companies.lead")}
      action={
        <Button leftSection={<IconPlus size={16} />} onClick={() => setCreating(true)}>
          {t("settings.companies.create")}
        </Button>
      }
    >
      <Rows query={companies} empty={t("settings.companies.none")}>
        {(company) => <CompanyRow key={company.id} company={company} />}
      </Rows>
      {companies.hasNextPage ? (
        <Button variant="default" loading={companies.isFetchingNextPage} onClick={() => void companies.fetchNextPage()}>
          {t("common.more")}
        </Button>
      ) : null}
      <Modal
        opened={creating}
        onClose={() => setCreating(false)}
        title={t("settings.companies.create")}
        closeButtonProps={{ "aria-label": t("common.close") }}
      >
        <CompanyForm onDone={() => setCreating(false)} />
      </Modal>
    </Section>
  );
}

function CompanyRow({ company }: { company: Company }) {
  const t = useT();
  const own = useMe().company.id === company.id;
  const { ask, dialog } = useConfirm();
  const change = async (status: Company["status"]) => {
    await api("PATCH /v1/companies/:companyId", { params: { companyId: company.id }, body: { status } });
    await queryClient.invalidateQueries({ queryKey: companiesKey });
  };
  return (
    <Row title={company.name} text={<bdi>{company.slug}</bdi>}>
      {company.status === "suspended" ? (
        <>
          <Badge color="red" variant="light">
            {t("settings.companies.suspended")}
          </Badge>
          <Button
            size="compact-md"
            variant="default"
            onClick={() => change("active").catch((error) => notifyError(t, error))}
          >
            {t("settings.companies.activate")}
          </Button>
        </>
      ) : own ? null : (
        <Button
          size="compact-md"
          variant="default"
          onClick={() =>
            ask({
              title: t("settings.companies.suspendTitle", { name: company.name }),
              text: t("settings.companies.suspendText"),
              action: t("settings.companies.suspend"),
              onConfirm: () => change("suspended"),
            })
          }
        >
          {t("settings.companies.suspend")}
        </Button>
      )}
      {dialog}
    </Row>
  );
}

function CompanyForm({ onDone }: { onDone: () => void }) {
  const t = useT();
  const [link, setLink] = useState<string | null>(null);
  const [failure, setFailure] = useState<string | null>(null);
  const form = useForm({ mode: "uncontrolled", initialValues: { name: "", adminEmail: "" } });

  if (link) {
    return (
      <Stack>
        <Alert variant="light">{t("team.invited", { email: form.getValues().adminEmail })}</Alert>
        <CopyField label={t("team.inviteLink")} value={link} />
        <Group justify="flex-end">
          <Button onClick={onDone}>{t("common.done")}</Button>
        </Group>
      </Stack>
    );
  }

  const submit = form.onSubmit(async (values) => {
    setFailure(null);
    try {
      const created = await api("POST /v1/companies", { body: { ...values, locale: getPreferences().locale } });
      setLink(created.link);
      await queryClient.invalidateQueries({ queryKey: companiesKey });
    } catch (error) {
      form.setErrors(fieldErrors(t, error));
      setFailure(errorText(t, error));
    }
  });

  return (
    <form onSubmit={submit}>
      <Stack>
        {failure ? (
          <Alert color="red" variant="light" role="alert">
            {failure}
          </Alert>
        ) : null}
        <TextInput
          {...form.getInputProps("name")}
          key={form.key("name")}
          label={t("fields.companyName")}
          maxLength={120}
          required
          withAsterisk={false}
          data-autofocus
        />
        <TextInput
          {...form.getInputProps("adminEmail")}
          key={form.key("adminEmail")}
          type="email"
          label={t("settings.companies.adminEmail")}
          required
          withAsterisk={false}
        />
        <Group justify="flex-end">
          <Button variant="default" onClick={onDone}>
            {t("common.cancel")}
          </Button>
          <Button type="submit" loading={form.submitting}>
            {t("common.create")}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
