import { Button, Group, Modal } from "@mantine/core";
import { useState } from "react";
import { notifyError } from "../errors.ts";
import { useT } from "../i18n.ts";

type Question = { title: string; text: string; action: string; onConfirm: () => Promise<unknown> };

/** Asks before something that cannot be taken back. `ask` opens the question, `dialog` has to be rendered. */
export function useConfirm() {
  const t = useT();
  const [question, setQuestion] = useState<Question | null>(null);
  const [opened, setOpened] = useState(false);
  const [busy, setBusy] = useState(false);

  const confirm = async () => {
    if (!question) return;
    setBusy(true);
    try {
      await question.onConfirm();
      setOpened(false);
    } catch (error) {
      notifyError(t, error);
    } finally {
      setBusy(false);
    }
  };

  const dialog = (
    <Modal
      opened={opened}
      onClose={() => setOpened(false)}
      title={question?.title}
      closeButtonProps={{ "aria-label": t("common.close") }}
    >
      <p>{question?.text}</p>
      <Group justify="flex-end" mt="lg">
        <Button variant="default" data-autofocus onClick={() => setOpened(false)}>
          {t("common.cancel")}
        </Button>
        <Button color="red" loading={busy} onClick={() => void confirm()}>
          {question?.action}
        </Button>
      </Group>
    </Modal>
  );
  const ask = (next: Question) => {
    setQuestion(next);
    setOpened(true);
  };
  return { ask, dialog };
}
