import { Menu, Tooltip, UnstyledButton } from "@mantine/core";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { useSyncState } from "../conversations.tsx";
import { notifyError } from "../errors.ts";
import { changeLocale, useT } from "../i18n.ts";
import { Avatar } from "../person.tsx";
import { locales, setPreference, usePreference } from "../preferences.ts";
import { useMe } from "../session.ts";
import { languageName } from "./language-select.tsx";
import { signOut } from "./leave.ts";
import classes from "./own-menu.module.css";

const schemes = ["light", "dark", "auto"] as const;

/** Who I am, and what I set for myself on this device. */
export default function OwnMenu() {
  const t = useT();
  const navigate = useNavigate();
  const { agent, company } = useMe();
  const connection = useSyncState((state) => state.connection.name);
  const locale = usePreference("locale");
  const colorScheme = usePreference("colorScheme");
  const sendKey = usePreference("sendKey");
  const [opened, setOpened] = useState(false);
  const live = connection === "live" ? t("connection.live") : t("connection.notLive");

  return (
    <Menu position="right-end" width={240} withinPortal alignItemsLabels="all" opened={opened} onChange={setOpened}>
      <Menu.Target>
        <UnstyledButton className={classes.target} aria-label={t("menu.open", { name: agent.name })}>
          <Tooltip label={`${agent.name} · ${live}`} position="right" disabled={opened}>
            <span className={classes.avatar}>
              <Avatar id={agent.id} name={agent.name} type="agent" size={32} />
              <span className={classes.dot} data-live={connection === "live"} />
            </span>
          </Tooltip>
        </UnstyledButton>
      </Menu.Target>
      <Menu.Dropdown>
        <div className={classes.who}>
          <strong dir="auto">{agent.name}</strong>
          <span dir="auto">
            {t(`roles.${agent.role}`)} · {company.name}
          </span>
          <span>{live}</span>
        </div>
        <Menu.Divider />
        <Menu.Label>{t("menu.theme")}</Menu.Label>
        {schemes.map((value) => (
          <Menu.RadioItem
            key={value}
            value={value}
            checked={colorScheme === value}
            onChange={() => setPreference("colorScheme", value)}
          >
            {t(`menu.scheme.${value}`)}
          </Menu.RadioItem>
        ))}
        <Menu.Divider />
        <Menu.Label>{t("menu.language")}</Menu.Label>
        {locales.map((value) => (
          <Menu.RadioItem
            key={value}
            value={value}
            checked={locale === value}
            onChange={() => void changeLocale(value)}
          >
            <span lang={value}>{languageName(value)}</span>
          </Menu.RadioItem>
        ))}
        <Menu.Divider />
        <Menu.CheckboxItem
          checked={sendKey === "enter"}
          onChange={(checked) => setPreference("sendKey", checked ? "enter" : "mod+enter")}
        >
          {t("menu.enterSends")}
        </Menu.CheckboxItem>
        <Menu.Divider />
        <Menu.Item onClick={() => signOut(navigate).catch((error) => notifyError(t, error))}>
          {t("menu.signOut")}
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
