import type { CompanyId } from "@presszero/contracts";
import type { Connection } from "./connection.ts";

const none: ReadonlySet<Connection> = new Set();
const personOf = (companyId: string, id: string) => `${companyId} ${id}`;

/** The connections of this process: all of them, by company, and by person. */
export function createRegistry() {
  const all = new Set<Connection>();
  const byCompany = new Map<CompanyId, Set<Connection>>();
  const byPerson = new Map<string, Set<Connection>>();

  return {
    all: all as ReadonlySet<Connection>,
    add: (connection: Connection) => void all.add(connection),

    /** Its ticket is of this company. Before it is known whether that counts: a change of access must not be missed. */
    claim(connection: Connection, companyId: CompanyId | null): void {
      connection.companyId = companyId;
      if (companyId !== null) addTo(byCompany, companyId, connection);
    },

    /** It is known whose it is. */
    identify(connection: Connection): void {
      const { companyId, actor } = connection.ctx!;
      addTo(byPerson, personOf(companyId, actor.id), connection);
    },

    remove(connection: Connection): void {
      const { companyId, ctx } = connection;
      all.delete(connection);
      if (companyId !== null) removeFrom(byCompany, companyId, connection);
      if (ctx) removeFrom(byPerson, personOf(ctx.companyId, ctx.actor.id), connection);
    },

    ofCompany: (companyId: CompanyId) => byCompany.get(companyId) ?? none,
    ofPerson: (companyId: CompanyId, id: string) => byPerson.get(personOf(companyId, id)) ?? none,
  };
}

export type Registry = ReturnType<typeof createRegistry>;

function addTo<K>(index: Map<K, Set<Connection>>, key: K, connection: Connection): void {
  const connections = index.get(key);
  if (connections) connections.add(connection);
  else index.set(key, new Set([connection]));
}

function removeFrom<K>(index: Map<K, Set<Connection>>, key: K, connection: Connection): void {
  const connections = index.get(key);
  if (connections?.delete(connection) && connections.size === 0) index.delete(key);
}
