import { ActionIcon, Button, Menu, NativeSelect } from "@mantine/core";
import type { Agent, Invitation, Role } from "@presszero/contracts";
import { relativeTime } from "@presszero/ui";
import { IconDots, IconUserPlus } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { agentsKey, useAgents } from "../agents.ts";
import { api } from "../api.ts";
import { useNow } from "../clock.ts";
import { notifyError } from "../errors.ts";
import { useT } from "../i18n.ts";
import { Avatar } from "../person.tsx";
import { useFormatLocale } from "../preferences.ts";
import { queryClient, useMay, useMe } from "../session.ts";
import { useConfirm } from "../shell/confirm.tsx";
import { Page, Section } from "../shell/page.tsx";
import { Row, Rows } from "../shell/rows.tsx";
import { InviteDialog } from "./invite-dialog.tsx";
import { roleNames } from "./roles.ts";

const invitationsKey = ["invitations"];

export function Team() {
  const t = useT();
  const mayManage = useMay("agents.manage");
  const [inviting, setInviting] = useState(false);
  const agents = useAgents();

  return (
    <Page title={t("shell.team")}>
      <Section
        title={t("team.agents")}
        lead={t("team.agentsLead")}
        action={
          mayManage ? (
            <Button leftSection={<IconUserPlus size={16} />} onClick={() => setInviting(true)}>
              {t("team.invite")}
            </Button>
          ) : null
        }
      >
        <Rows query={agents} empty={t("team.noAgents")}>
          {(agent) => <AgentRow key={agent.id} agent={agent} mayManage={mayManage} />}
        </Rows>
      </Section>
      {mayManage ? <Invitations /> : null}
      <InviteDialog
        opened={inviting}
        onClose={() => setInviting(false)}
        onInvited={() => void queryClient.invalidateQueries({ queryKey: invitationsKey })}
      />
    </Page>
  );
}

function AgentRow({ agent, mayManage }: { agent: Agent; mayManage: boolean }) {
  const t = useT();
  const me = useMe().agent;
  const { ask, dialog } = useConfirm();
  const active = agent.status === "active";

  const change = async (body: { role?: Role; status?: Agent["status"] }) => {
    await api("PATCH /v1/agents/:agentId", { params: { agentId: agent.id }, body });
    await queryClient.invalidateQueries({ queryKey: agentsKey });
  };

  return (
    <Row
      lead={<Avatar id={agent.id} name={agent.name} type="agent" size={36} />}
      title={agent.id === me.id ? t("team.me", { name: agent.name }) : agent.name}
      text={active ? agent.email : `${agent.email} · ${t("team.deactivated")}`}
    >
      {mayManage && active && agent.id !== me.id ? (
        <NativeSelect
          aria-label={t("team.roleOf", { name: agent.name })}
          value={agent.role}
          data={roleNames(t)}
          onChange={(event) =>
            change({ role: event.currentTarget.value as Role }).catch((error) => notifyError(t, error))
          }
        />
      ) : (
        <span>{t(`roles.${agent.role}`)}</span>
      )}
      {mayManage && agent.id !== me.id ? (
        <Menu>
          <Menu.Target>
            <ActionIcon aria-label={t("team.more", { name: agent.name })}>
              <IconDots size={18} />
            </ActionIcon>
          </Menu.Target>
          <Menu.Dropdown>
            {active ? (
              <Menu.Item
                color="red"
                onClick={() =>
                  ask({
                    title: t("team.deactivateTitle", { name: agent.name }),
                    text: t("team.deactivateText"),
                    action: t("team.deactivate"),
                    onConfirm: () => change({ status: "deactivated" }),
                  })
                }
              >
                {t("team.deactivate")}
              </Menu.Item>
            ) : (
              <Menu.Item onClick={() => change({ status: "active" }).catch((error) => notifyError(t, error))}>
                {t("team.activate")}
              </Menu.Item>
            )}
          </Menu.Dropdown>
        </Menu>
      ) : null}
      {dialog}
    </Row>
  );
}

function Invitations() {
  const t = useT();
  const invitations = useQuery({
    queryKey: invitationsKey,
    queryFn: async () => (await api("GET /v1/invitations", { query: { limit: 100 } })).items,
  });
  return (
    <Section title={t("team.invitations")} lead={t("team.invitationsLead")}>
      <Rows query={invitations} empty={t("team.noInvitations")}>
        {(invitation) => <InvitationRow key={invitation.id} invitation={invitation} />}
      </Rows>
    </Section>
  );
}

function InvitationRow({ invitation }: { invitation: Invitation }) {
  const t = useT();
  const locale = useFormatLocale();
  const now = useNow();
  const revoke = async () => {
    await api("DELETE /v1/invitations/:invitationId", { params: { invitationId: invitation.id } });
    await queryClient.invalidateQueries({ queryKey: invitationsKey });
  };
  return (
    <Row
      title={invitation.email}
      text={`${t(`roles.${invitation.role}`)} · ${t("team.invitedBy", { name: invitation.invitedBy, when: relativeTime(invitation.createdAt, now, locale) })}`}
    >
      <Button size="compact-md" variant="default" onClick={() => revoke().catch((error) => notifyError(t, error))}>
        {t("common.revoke")}
      </Button>
    </Row>
  );
}
