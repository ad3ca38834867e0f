import { Menu, Tooltip, UnstyledButton } from "@mantine/core";
import { useNavigate } from "@tanstack/react-router";
import { IconCheck, IconDeviceDesktop, IconKeyboard, IconLogout, IconMoon, IconSun } from "@tabler/icons-react";
import { useSyncState } from "../conversations.tsx";
import { notifyError } from "../errors.ts";
import { changeLocale, useT } from "../i18n.ts";
import { Avatar } from "../person.tsx";
import { locales, setPreference, usePreference } from "../preferences.ts";
import { useMe } from "../session.ts";
import { languageName } from "./language-select.tsx";
import { signOut } from "./leave.ts";
import classes from "./own-menu.module.css";

const schemes = [
  { value: "light", icon: IconSun },
  { value: "dark", icon: IconMoon },
  { value: "auto", icon: IconDeviceDesktop },
] as const;

/** Who I am, and what I set for myself on this device. */
export default function OwnMenu() {
  const t = useT();
  const navigate = useNavigate();
  const { agent, company } = useMe();
  const connection = useSyncState((state) => state.connection.name);
  const locale = usePreference("locale");
  const colorScheme = usePreference("colorScheme");
  const sendKey = usePreference("sendKey");
  const live = connection === "live" ? t("connection.live") : t("connection.notLive");

  return (
    <Menu position="right-end" width={240} withinPortal>
      <Menu.Target>
        <UnstyledButton className={classes.target} aria-label={t("menu.open", { name: agent.name })}>
          <Tooltip label={`${agent.name} · ${live}`} position="right">
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
        {schemes.map(({ value, icon: Icon }) => (
          <Choice
            key={value}
            chosen={colorScheme === value}
            icon={<Icon size={16} />}
            onChoose={() => setPreference("colorScheme", value)}
          >
            {t(`menu.scheme.${value}`)}
          </Choice>
        ))}
        <Menu.Divider />
        <Menu.Label>{t("menu.language")}</Menu.Label>
        {locales.map((value) => (
          <Choice key={value} chosen={locale === value} onChoose={() => void changeLocale(value)}>
            <span lang={value}>{languageName(value)}</span>
          </Choice>
        ))}
        <Menu.Divider />
        <Menu.Item
          closeMenuOnClick={false}
          role="menuitemcheckbox"
          aria-checked={sendKey === "enter"}
          leftSection={<IconKeyboard size={16} />}
          rightSection={sendKey === "enter" ? <IconCheck size={16} /> : null}
          onClick={() => setPreference("sendKey", sendKey === "enter" ? "mod+enter" : "enter")}
        >
          {t("menu.enterSends")}
        </Menu.Item>
        <Menu.Divider />
        <Menu.Item
          leftSection={<IconLogout size={16} className={classes.mirrored} />}
          onClick={() => signOut(navigate).catch((error) => notifyError(t, error))}
        >
          {t("menu.signOut")}
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}

function Choice({
  chosen,
  icon,
  onChoose,
  children,
}: {
  chosen: boolean;
  icon?: React.ReactNode;
  onChoose: () => void;
  children: React.ReactNode;
}) {
  return (
    <Menu.Item
      closeMenuOnClick={false}
      role="menuitemradio"
      aria-checked={chosen}
      leftSection={icon}
      rightSection={chosen ? <IconCheck size={16} /> : null}
      onClick={onChoose}
    >
      {children}
    </Menu.Item>
  );
}
