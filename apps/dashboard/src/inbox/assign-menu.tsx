import { Combobox, useCombobox } from "@mantine/core";
import type { AgentId } from "@presszero/contracts";
import { IconCheck, IconChevronDown, IconUserOff } from "@tabler/icons-react";
import { useEffect, useState } from "react";
import type { Summary } from "@presszero/sdk";
import { useAgents } from "../agents.ts";
import { useT } from "../i18n.ts";
import { Avatar } from "../person.tsx";
import { useMay, useMe } from "../session.ts";
import classes from "./assign-menu.module.css";

type AssignMenuProps = {
  assignee: Summary["assignee"];
  /** Raised by one each time a key asks for the menu. */
  opened?: number;
  /** Only the face, where there is little room. */
  compact?: boolean;
  onAssign: (agentId: AgentId | null) => void;
};

/** Who has the conversation, and the choice of another: me, nobody, any active colleague. */
export function AssignMenu({ assignee, opened = 0, compact = false, onAssign }: AssignMenuProps) {
  const t = useT();
  const me = useMe().agent;
  const mayAssign = useMay("conversations.assign");
  const mayListAgents = useMay("agents.read");
  const [search, setSearch] = useState("");
  const combobox = useCombobox({
    onDropdownOpen: () => combobox.focusSearchInput(),
    onDropdownClose: () => {
      setSearch("");
      combobox.focusTarget();
    },
  });
  const agents = useAgents(mayListAgents && combobox.dropdownOpened);
  const [answered, setAnswered] = useState(opened);

  useEffect(() => {
    if (opened === answered) return;
    setAnswered(opened);
    if (mayAssign) combobox.openDropdown();
  }, [opened, answered, mayAssign, combobox]);

  // Enter takes the first choice: "Assign to me", or the best match of a search.
  const { dropdownOpened, selectFirstOption } = combobox;
  useEffect(() => {
    if (!dropdownOpened) return;
    const frame = requestAnimationFrame(() => selectFirstOption());
    return () => cancelAnimationFrame(frame);
  }, [dropdownOpened, search, selectFirstOption]);

  const label = assignee ? (assignee.id === me.id ? t("assign.you") : assignee.name) : t("assign.nobody");
  const face = (
    <>
      {assignee ? <Avatar id={assignee.id} name={assignee.name} type="agent" size={20} /> : <IconUserOff size={16} />}
      {compact ? null : (
        <span className={classes.name} dir="auto">
          {label}
        </span>
      )}
    </>
  );
  if (!mayAssign) return <span className={classes.readOnly}>{face}</span>;

  const colleagues = (agents.data ?? []).filter((agent) => agent.status === "active" && agent.id !== me.id);
  const choices = [
    { id: me.id, label: t("assign.toMe"), name: me.name },
    { id: null, label: t("assign.nobody"), name: null },
    ...colleagues.map((agent) => ({ id: agent.id, label: agent.name, name: agent.name })),
  ].filter((choice) => choice.label.toLocaleLowerCase().includes(search.trim().toLocaleLowerCase()));

  return (
    <Combobox
      store={combobox}
      width={240}
      position="bottom-end"
      onOptionSubmit={(value) => {
        combobox.closeDropdown();
        const choice = choices.find(({ id }) => (id ?? "nobody") === value);
        if (choice && choice.id !== (assignee?.id ?? null)) onAssign(choice.id);
      }}
    >
      <Combobox.Target targetType="button">
        <button
          type="button"
          className={classes.target}
          aria-label={t("assign.label", { name: label })}
          onClick={() => combobox.toggleDropdown()}
        >
          {face}
          <IconChevronDown size={14} />
        </button>
      </Combobox.Target>
      <Combobox.Dropdown>
        <Combobox.Search
          value={search}
          onChange={(event) => setSearch(event.currentTarget.value)}
          placeholder={t("assign.search")}
          aria-label={t("assign.search")}
        />
        <Combobox.Options className={classes.options} aria-label={t("assign.title")}>
          {choices.map((choice) => (
            <Combobox.Option key={choice.id ?? "nobody"} value={choice.id ?? "nobody"} className={classes.option}>
              {choice.id ? (
                <Avatar id={choice.id} name={choice.name} type="agent" size={22} />
              ) : (
                <IconUserOff size={22} stroke={1.5} />
              )}
              <span className={classes.name} dir="auto">
                {choice.label}
              </span>
              {choice.id === (assignee?.id ?? null) ? <IconCheck size={16} /> : null}
            </Combobox.Option>
          ))}
          {choices.length === 0 ? <Combobox.Empty>{t("assign.none")}</Combobox.Empty> : null}
        </Combobox.Options>
      </Combobox.Dropdown>
    </Combobox>
  );
}
