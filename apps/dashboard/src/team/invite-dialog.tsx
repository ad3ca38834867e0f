import { Alert, Button, Group, Modal, NativeSelect, Stack, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import type { Role } from "@presszero/contracts";
import { IconMailCheck } from "@tabler/icons-react";
import { useState } from "react";
import { api } from "../api.ts";
import { errorText, fieldErrors } from "../errors.ts";
import { useT } from "../i18n.ts";
import { getPreferences } from "../preferences.ts";
import { CopyField } from "../shell/copy-field.tsx";
import { roleNames } from "./roles.ts";

export function InviteDialog({
  opened,
  onClose,
  onInvited,
}: {
  opened: boolean;
  onClose: () => void;
  onInvited: () => void;
}) {
  const t = useT();
  return (
    <Modal
      opened={opened}
      onClose={onClose}
      title={t("team.invite")}
      closeButtonProps={{ "aria-label": t("common.close") }}
    >
      <InviteForm onClose={onClose} onInvited={onInvited} />
    </Modal>
  );
}

function InviteForm({ onClose, onInvited }: { onClose: () => void; onInvited: () => void }) {
  const t = useT();
  const [sent, setSent] = useState<{ email: string; link: string } | null>(null);
  const [failure, setFailure] = useState<string | null>(null);
  const form = useForm({ mode: "uncontrolled", initialValues: { email: "", role: "agent" as Role } });

  if (sent) {
    return (
      <Stack>
        <Alert variant="light" icon={<IconMailCheck size={18} />}>
          {t("team.invited", { email: sent.email })}
        </Alert>
        <CopyField label={t("team.inviteLink")} value={sent.link} />
        <Group justify="flex-end">
          <Button variant="default" onClick={() => setSent(null)}>
            {t("team.inviteAnother")}
          </Button>
          <Button onClick={onClose}>{t("common.done")}</Button>
        </Group>
      </Stack>
    );
  }

  const submit = form.onSubmit(async (values) => {
    setFailure(null);
    try {
      const { link } = await api("POST /v1/invitations", { body: { ...values, locale: getPreferences().locale } });
      setSent({ email: values.email, link });
      form.reset();
      onInvited();
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
          {...form.getInputProps("email")}
          key={form.key("email")}
          type="email"
          label={t("fields.email")}
          required
          withAsterisk={false}
          data-autofocus
        />
        <NativeSelect
          {...form.getInputProps("role")}
          key={form.key("role")}
          label={t("fields.role")}
          data={roleNames(t)}
        />
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            {t("common.cancel")}
          </Button>
          <Button type="submit" loading={form.submitting}>
            {t("team.sendInvitation")}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
