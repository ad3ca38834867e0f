import { ActionIcon, Menu } from "@mantine/core";
import { useClipboard } from "@mantine/hooks";
import type { Message } from "@presszero/contracts";
import { IconCopy, IconDots, IconRoute } from "@tabler/icons-react";
import { useRef, type KeyboardEvent } from "react";
import { useT } from "../i18n.ts";
import { useMay } from "../session.ts";
import classes from "./message-menu.module.css";

/** Opens the life of a message; the focus comes back to `opener`. */
export type OpenTrace = (message: Message, opener: HTMLElement | null) => void;

const selector = "[data-message-menu]";

/** Arrow keys go from message to message, so that one of them is enough for the Tab key. */
function moveBetween(event: KeyboardEvent<HTMLButtonElement>): void {
  const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
  if (step === undefined || event.currentTarget.getAttribute("aria-expanded") === "true") return;
  const log = event.currentTarget.closest('[role="log"]');
  const all = [...(log?.querySelectorAll<HTMLElement>(selector) ?? [])];
  const next = all[all.indexOf(event.currentTarget) + step];
  if (!next) return;
  event.preventDefault();
  event.stopPropagation();
  next.focus();
  next.scrollIntoView({ block: "nearest" });
}

/** What can be done with one message. */
export function MessageMenu({
  message,
  inTabOrder,
  onTrace,
}: {
  message: Message;
  inTabOrder: boolean;
  onTrace: OpenTrace;
}) {
  const t = useT();
  const clipboard = useClipboard();
  const mayTrace = useMay("events.manage");
  const button = useRef<HTMLButtonElement>(null);
  // Browsers give the clipboard to safe origins only.
  const mayCopy = window.isSecureContext;
  if (!mayTrace && !mayCopy) return null;
  return (
    <Menu position="bottom" withinPortal width={200} loop>
      <Menu.Target>
        <ActionIcon
          ref={button}
          className={classes.button}
          size={26}
          tabIndex={inTabOrder ? 0 : -1}
          aria-label={t("thread.menu.label")}
          data-message-menu
          onKeyDownCapture={moveBetween}
        >
          <IconDots size={16} />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        {mayCopy ? (
          <Menu.Item leftSection={<IconCopy size={16} />} onClick={() => clipboard.copy(message.text)}>
            {t("thread.menu.copy")}
          </Menu.Item>
        ) : null}
        {mayTrace ? (
          <Menu.Item leftSection={<IconRoute size={16} />} onClick={() => onTrace(message, button.current)}>
            {t("trace.title")}
          </Menu.Item>
        ) : null}
      </Menu.Dropdown>
    </Menu>
  );
}
