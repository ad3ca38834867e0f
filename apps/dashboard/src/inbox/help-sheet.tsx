import { Kbd, Modal } from "@mantine/core";
import { useT } from "../i18n.ts";
import { usePreference } from "../preferences.ts";
import classes from "./help-sheet.module.css";
import { shortcuts } from "./shortcuts.ts";

export default function HelpSheet({ onClose }: { onClose: () => void }) {
  const t = useT();
  const enter = t("keys.enter");
  const withMod = `Ctrl/⌘ + ${enter}`;
  const sendsWithEnter = usePreference("sendKey") === "enter";
  const writing = [
    { keys: sendsWithEnter ? enter : withMod, label: t("help.send") },
    { keys: sendsWithEnter ? `${t("keys.shift")} + ${enter}` : enter, label: t("help.newLine") },
    { keys: `Ctrl/⌘ + ${t("keys.shift")} + ${enter}`, label: t("help.sendAndClose") },
  ];
  return (
    <Modal opened onClose={onClose} title={t("help.title")} closeButtonProps={{ "aria-label": t("common.close") }}>
      <dl className={classes.keys}>
        {shortcuts.map(({ key, action }) => (
          <div key={key}>
            <dt>{t(`help.${action}`)}</dt>
            <dd>
              <Kbd>{key === "Escape" ? t("keys.escape") : key.toUpperCase()}</Kbd>
            </dd>
          </div>
        ))}
      </dl>
      <h3 className={classes.heading}>{t("help.writing")}</h3>
      <dl className={classes.keys}>
        {writing.map(({ keys, label }) => (
          <div key={label}>
            <dt>{label}</dt>
            <dd>
              <Kbd>{keys}</Kbd>
            </dd>
          </div>
        ))}
      </dl>
    </Modal>
  );
}
