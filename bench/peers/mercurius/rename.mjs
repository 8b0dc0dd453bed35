// The mutation: a contact's first name and a phone's number change in one transaction, with their row of the log.
import { pool, query } from "./database.mjs";

const { BENCH_STAFF_ID, BENCH_CREDENTIAL_ID } = process.env;

export async function rename(contact, firstName, phone, raw) {
  const client = await pool.connect();
  try {
    await client.query("BEGIN");
    const [old] = await query(
      "old-contact",
      "SELECT first_name FROM contact WHERE id = $1 AND deleted_at IS NULL FOR UPDATE",
      [contact],
      client,
    );
    const [oldPhone] = await query(
      "old-phone",
      "SELECT raw FROM phone WHERE id = $1 AND party_id = $2",
      [phone, contact],
      client,
    );
    const fields = [];
    if (old.first_name !== firstName) fields.push({ field: "first_name", old: old.first_name, new: firstName });
    if (oldPhone.raw !== raw) {
      fields.push({ field: `phones.${phone}.raw`, old: oldPhone.raw, new: raw });
      const digits = raw.replace(/\D/g, "");
      await query(
        "set-phone",
        "UPDATE phone SET raw = $2, digits = $3, e164 = '+' || $3 WHERE id = $1",
        [phone, raw, digits],
        client,
      );
    }
    if (fields.length) {
      const [{ revision, updated_at: at }] = await query(
        "set-contact",
        `UPDATE contact SET first_name = $2, revision = revision + 1, updated_at = clock_timestamp(), modified_by_id = $3
         WHERE id = $1 RETURNING revision, updated_at::text`,
        [contact, firstName, BENCH_STAFF_ID],
        client,
      );
      await query(
        "log",
        `INSERT INTO change (party_id, kind, action, revision, at, door, credential_id, fields)
         VALUES ($1, 'CONTACT', 'UPDATED', $2, $3::timestamptz, 'GRAPHQL', $4, $5)`,
        [contact, revision, at, BENCH_CREDENTIAL_ID, JSON.stringify(fields)],
        client,
      );
    }
    await client.query("COMMIT");
  } catch (error) {
    await client.query("ROLLBACK");
    throw error;
  } finally {
    client.release();
  }
}
