import { Button } from "@mantine/core";
import { useClipboard } from "@mantine/hooks";
import { IconCheck, IconCopy } from "@tabler/icons-react";
import { useRef } from "react";
import { useT } from "../i18n.ts";
import classes from "./copy-field.module.css";

/** A text to copy elsewhere: a link, a key, a piece of code. */
export function CopyField({ label, value }: { label: string; value: string }) {
  const t = useT();
  const text = useRef<HTMLPreElement>(null);
  const clipboard = useClipboard({ timeout: 2_000 });

  /** Browsers give the clipboard to safe origins only; on others the text is marked, for the keys to copy. */
  function copy(): void {
    if (window.isSecureContext) clipboard.copy(value);
    else if (text.current) getSelection()?.selectAllChildren(text.current);
  }

  return (
    <div className={classes.field} role="group" aria-label={label}>
      <pre className={classes.value} dir="ltr" tabIndex={0} ref={text}>
        {value}
      </pre>
      <Button
        size="compact-md"
        variant="default"
        leftSection={clipboard.copied ? <IconCheck size={16} /> : <IconCopy size={16} />}
        onClick={copy}
      >
        <span aria-live="polite">{clipboard.copied ? t("common.copied") : t("common.copy")}</span>
      </Button>
    </div>
  );
}
