import { Alert, Button, Checkbox, Group, Modal, Stack, TextInput } from "@mantine/core";
import type { ApiKey, Permission } from "@presszero/contracts";
import { relativeTime } from "@presszero/ui";
import { IconKey, IconPlus } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useState, type SubmitEvent } from "react";
import { api } from "../api.ts";
import { useNow } from "../clock.ts";
import { errorText } from "../errors.ts";
import { useT } from "../i18n.ts";
import { useFormatLocale } from "../preferences.ts";
import { queryClient, useMe } from "../session.ts";
import { useConfirm } from "../shell/confirm.tsx";
import { CopyField } from "../shell/copy-field.tsx";
import { Section } from "../shell/page.tsx";
import { Row, Rows } from "../shell/rows.tsx";
import classes from "./settings.module.css";

const keysKey = ["api-keys"];

export function ApiKeys() {
  const t = useT();
  const [creating, setCreating] = useState(false);
  const keys = useQuery({
    queryKey: keysKey,
    queryFn: async () => (await api("GET /v1/api-keys", { query: { limit: 100 } })).items,
  });
  return (
    <Section
      title={t("settings.section.api-keys")}
      lead={t("settings.apiKeys.lead")}
      action={
        <Button leftSection={<IconPlus size={16} />} onClick={() => setCreating(true)}>
          {t("settings.apiKeys.create")}
        </Button>
      }
    >
      <Rows query={keys} empty={t("settings.apiKeys.none")}>
        {(key) => <KeyRow key={key.id} apiKey={key} />}
      </Rows>
      <Modal
        opened={creating}
        onClose={() => setCreating(false)}
        title={t("settings.apiKeys.create")}
        closeButtonProps={{ "aria-label": t("common.close") }}
        closeOnClickOutside={false}
      >
        <KeyForm onDone={() => setCreating(false)} />
      </Modal>
    </Section>
  );
}

function KeyRow({ apiKey }: { apiKey: ApiKey }) {
  const t = useT();
  const locale = useFormatLocale();
  const now = useNow();
  const { ask, dialog } = useConfirm();
  const revoke = async () => {
    await api("DELETE /v1/api-keys/:apiKeyId", { params: { apiKeyId: apiKey.id } });
    await queryClient.invalidateQueries({ queryKey: keysKey });
  };
  const used = apiKey.lastUsedAt
    ? t("settings.apiKeys.used", { when: relativeTime(apiKey.lastUsedAt, now, locale) })
    : t("settings.apiKeys.neverUsed");
  return (
    <Row
      title={apiKey.name}
      text={
        <>
          <bdi>{apiKey.prefix}…</bdi> · {apiKey.permissions.map((name) => t(`permissions.${name}`)).join(", ")} · {used}
        </>
      }
    >
      <Button
        size="compact-md"
        variant="default"
        onClick={() =>
          ask({
            title: t("settings.apiKeys.revokeTitle", { name: apiKey.name }),
            text: t("settings.apiKeys.revokeText"),
            action: t("common.revoke"),
            onConfirm: revoke,
          })
        }
      >
        {t("common.revoke")}
      </Button>
      {dialog}
    </Row>
  );
}

function KeyForm({ onDone }: { onDone: () => void }) {
  const t = useT();
  const { permissions } = useMe();
  const [name, setName] = useState("");
  const [chosen, setChosen] = useState<Permission[]>([]);
  const [secret, setSecret] = useState<string | null>(null);
  const [failure, setFailure] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);

  if (secret) {
    return (
      <Stack>
        <Alert variant="light" icon={<IconKey size={18} />}>
          {t("settings.apiKeys.secretOnce")}
        </Alert>
        <CopyField label={t("settings.apiKeys.secret")} value={secret} />
        <Group justify="flex-end">
          <Button onClick={onDone}>{t("common.done")}</Button>
        </Group>
      </Stack>
    );
  }

  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    setBusy(true);
    setFailure(null);
    try {
      const created = await api("POST /v1/api-keys", { body: { name, permissions: chosen } });
      setSecret(created.secret);
      await queryClient.invalidateQueries({ queryKey: keysKey });
    } catch (error) {
      setFailure(errorText(t, error));
    } finally {
      setBusy(false);
    }
  };

  return (
    <form onSubmit={submit}>
      <Stack>
        {failure ? (
          <Alert color="red" variant="light" role="alert">
            {failure}
          </Alert>
        ) : null}
        <TextInput
          label={t("settings.apiKeys.name")}
          description={t("settings.apiKeys.nameHint")}
          value={name}
          onChange={(event) => setName(event.currentTarget.value)}
          maxLength={120}
          required
          withAsterisk={false}
          data-autofocus
        />
        <fieldset className={classes.checks}>
          <legend>{t("settings.apiKeys.permissions")}</legend>
          {permissions.map((permission) => (
            <Checkbox
              key={permission}
              label={t(`permissions.${permission}`)}
              checked={chosen.includes(permission)}
              onChange={(event) =>
                setChosen(
                  event.currentTarget.checked ? [...chosen, permission] : chosen.filter((one) => one !== permission),
                )
              }
            />
          ))}
        </fieldset>
        <Group justify="flex-end">
          <Button variant="default" onClick={onDone}>
            {t("common.cancel")}
          </Button>
          <Button type="submit" loading={busy} disabled={name.trim() === "" || chosen.length === 0}>
            {t("common.create")}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
