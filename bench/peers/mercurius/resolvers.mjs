// The resolvers and loaders: columns come out of SQL under the names of the fields, so that no field needs code.
import { rename } from "./rename.mjs";
import { query } from "./database.mjs";

const CONTACT = `c.id, c.number, c.revision, c.first_name AS "firstName", c.middle_name AS "middleName",
  c.last_name AS "lastName", concat_ws(' ', c.first_name, c.middle_name, c.last_name) AS "fullName",
  c.job_title AS "jobTitle", c.department, c.language, c.created_at AS "createdAt", c.updated_at AS "updatedAt",
  c.account_id AS "accountId"`;

const fold = (text) =>
  text.normalize("NFKD").replace(/\p{Mn}/gu, "").toLowerCase().replaceAll("ς", "σ").normalize("NFC");
const after = (key) => key.slice(0, -1) + String.fromCodePoint(key.codePointAt(key.length - 1) + 1);

const encode = (row) => Buffer.from(row.id).toString("base64url");
const decode = (cursor) => Buffer.from(cursor, "base64url").toString();

const connection = (rows, first) => ({
  nodes: rows.length > first ? rows.slice(0, first) : rows,
  hasNextPage: rows.length > first,
});

async function contact(id) {
  const rows = await query("contact", `SELECT ${CONTACT} FROM contact c WHERE c.id = $1 AND c.deleted_at IS NULL`, [id]);
  return rows[0] ?? null;
}

async function contacts(_, { first, after: cursor, filter }) {
  if (filter) {
    const key = fold(filter.lastName.startsWith);
    const rows = await query(
      "contacts-named",
      `SELECT ${CONTACT} FROM contact c WHERE c.deleted_at IS NULL AND c.last_name_key >= $1 AND c.last_name_key < $2
         AND EXISTS (SELECT FROM address a WHERE a.party_id = c.id AND a.active AND a.city_key = $3)
       ORDER BY c.last_name_key, c.id LIMIT $4`,
      [key, after(key), fold(filter.city.eq), first + 1],
    );
    return connection(rows, first);
  }
  if (cursor) {
    const rows = await query(
      "contacts-after",
      `SELECT ${CONTACT} FROM contact c
       WHERE c.deleted_at IS NULL AND (c.created_at, c.id) < (SELECT created_at, id FROM contact WHERE id = $1)
       ORDER BY c.created_at DESC, c.id DESC LIMIT $2`,
      [decode(cursor), first + 1],
    );
    return connection(rows, first);
  }
  const rows = await query(
    "contacts",
    `SELECT ${CONTACT} FROM contact c WHERE c.deleted_at IS NULL ORDER BY c.created_at DESC, c.id DESC LIMIT $1`,
    [first + 1],
  );
  return connection(rows, first);
}

export const resolvers = {
  ContactConnection: {
    edges: ({ nodes }) => nodes.map((node) => ({ cursor: encode(node), node })),
    pageInfo: ({ nodes, hasNextPage }) => ({
      hasNextPage,
      endCursor: nodes.length ? encode(nodes[nodes.length - 1]) : null,
    }),
  },
  Query: {
    contact: (_, { by }) => contact(by.id),
    contacts,
    accounts: async (_, { first }) => ({
      nodes: await query(
        "accounts",
        "SELECT id, name, industry FROM account WHERE deleted_at IS NULL ORDER BY id LIMIT $1",
        [first],
      ),
    }),
  },
  Mutation: {
    updateContact: async (_, { input }) => {
      const { id, raw } = input.phones.update[0];
      await rename(input.contact.id, input.firstName, id, raw);
      return { contact: await contact(input.contact.id), userErrors: [] };
    },
  },
};

const rowsOf = (name, sql) => ({
  async loader(queries) {
    const rows = await query(name, sql, [queries.map(({ obj }) => obj.id)]);
    const byParty = new Map();
    for (const row of rows) {
      const siblings = byParty.get(row.partyId);
      if (siblings) siblings.push(row);
      else byParty.set(row.partyId, [row]);
    }
    return queries.map(({ obj }) => byParty.get(obj.id) ?? []);
  },
  opts: { cache: false },
});

export const loaders = {
  Contact: {
    emails: rowsOf(
      "emails",
      'SELECT party_id AS "partyId", kind, address FROM email WHERE party_id = ANY($1) ORDER BY party_id, rank, id',
    ),
    phones: rowsOf(
      "phones",
      `SELECT party_id AS "partyId", id, kind, raw, e164 FROM phone WHERE party_id = ANY($1)
       ORDER BY party_id, rank, id`,
    ),
    addresses: rowsOf(
      "addresses",
      `SELECT party_id AS "partyId", kind, street, city, postal_code AS "postalCode", country FROM address
       WHERE party_id = ANY($1) ORDER BY party_id, rank, id`,
    ),
    account: {
      async loader(queries) {
        const ids = [...new Set(queries.map(({ obj }) => obj.accountId).filter((id) => id !== null))];
        const sql = "SELECT id, name, industry FROM account WHERE id = ANY($1) AND deleted_at IS NULL";
        const byId = new Map((await query("accounts-by-id", sql, [ids])).map((row) => [row.id, row]));
        return queries.map(({ obj }) => byId.get(obj.accountId) ?? null);
      },
      opts: { cache: false },
    },
  },
  Account: {
    contacts: {
      async loader(queries) {
        const { first } = queries[0].params;
        const rows = await query(
          "contacts-of-accounts",
          `SELECT c.* FROM unnest($1::bigint[]) AS a(id) CROSS JOIN LATERAL (
             SELECT ${CONTACT} FROM contact c WHERE c.account_id = a.id AND c.deleted_at IS NULL
             ORDER BY c.id LIMIT $2) c`,
          [queries.map(({ obj }) => obj.id), first + 1],
        );
        const byAccount = new Map(queries.map(({ obj }) => [obj.id, []]));
        for (const row of rows) byAccount.get(row.accountId).push(row);
        return queries.map(({ obj }) => connection(byAccount.get(obj.id), first));
      },
      opts: { cache: false },
    },
  },
};
