"""The skewed volume: what a seeded store lacks of a grown one, by plain statements that both databases take.

A seeded store is even: every city, name and account has about as many records as any other, nothing is deleted, nobody
came from elsewhere. A grown one has a value that a third of the records share beside values that three have, an account
with most of the contacts, deleted records, external ids and long histories. Plans that are right for the one are wrong
for the other.
"""

from functools import reduce

WORDS = (
    (1, "papadopoulos", "SELECT id AS own, id AS row_id FROM contact WHERE last_name = 'Papadopoulos'"),
    (1, "papadopoulos", "SELECT id AS own, id AS row_id FROM lead WHERE last_name = 'Papadopoulos'"),
    (1, "zyx", "SELECT id AS own, id AS row_id FROM contact WHERE last_name = 'Zyx'"),
    (6, "frequent", "SELECT id AS own, id AS row_id FROM lead WHERE company = 'Frequent Ltd'"),
    (6, "ltd", "SELECT id AS own, id AS row_id FROM lead WHERE company = 'Frequent Ltd'"),
    (9, "metropolis", "SELECT party_id AS own, id AS row_id FROM address WHERE city = 'Metropolis'"),
    (9, "hamlet", "SELECT party_id AS own, id AS row_id FROM address WHERE city = 'Hamlet'"),
)
"""(the place, the word, the query of the records and rows that have it) of what goes into the search index below."""

STATEMENTS = (
    # One contact in six is of the hot account, the first one there is.
    "UPDATE contact SET account_id = (SELECT min(id) FROM account), "
    "account_name_key = (SELECT name_key FROM account ORDER BY id LIMIT 1) WHERE id % 6 = 1",
    # A third has the frequent name and lives in the frequent city; one in ten thousand the rare ones.
    "UPDATE contact SET last_name = 'Papadopoulos', last_name_key = 'papadopoulos', "
    "full_name_key = first_name_key || ' papadopoulos' WHERE id % 3 = 0",
    "UPDATE contact SET last_name = 'Zyx', last_name_key = 'zyx', full_name_key = first_name_key || ' zyx' "
    "WHERE id % 10000 = 7",
    "UPDATE lead SET last_name = 'Papadopoulos', last_name_key = 'papadopoulos', "
    "full_name_key = first_name_key || ' papadopoulos' WHERE id % 3 = 0",
    "UPDATE lead SET company = 'Frequent Ltd', company_key = 'frequent ltd' WHERE id % 3 = 1",
    "UPDATE address SET city = 'Metropolis', city_key = 'metropolis', country = 'CY' WHERE party_id % 3 = 1",
    "UPDATE address SET city = 'Hamlet', city_key = 'hamlet', country = 'IS' WHERE party_id % 10000 = 8",
    "UPDATE address SET name_key = (SELECT last_name_key FROM contact WHERE contact.id = party_id) "
    "WHERE party_id IN (SELECT id FROM contact)",
    # One in eleven has no email, one in thirteen no phone, one in seven no address.
    "DELETE FROM email WHERE party_id % 11 = 4",
    "DELETE FROM phone WHERE party_id % 13 = 5",
    "DELETE FROM address WHERE party_id % 7 = 6",
    # What one dialect alone knows, of every other record.
    """UPDATE contact SET extra_fields = '{"zoho":{"Tier":"Gold","Score":12.5}}' WHERE id % 4 = 0""",
    """UPDATE contact SET extra_fields = '{"zoho":{"Tier":"Lead Crystal"}}' WHERE id % 10000 = 3""",
    """UPDATE lead SET extra_fields = '{"zoho":{"Tier":"Gold","Score":12.5}}' WHERE id % 4 = 0""",
    # Leads of one status above all, and converted ones.
    "UPDATE lead SET status = 'Contacted', status_key = 'contacted' WHERE id % 2 = 0",
    "UPDATE lead SET converted_at = updated_at WHERE id % 20 <> 1",
    "UPDATE lead SET rating = CASE WHEN id % 10000 = 9 THEN 'Hot' ELSE 'Warm' END",
    "UPDATE lead SET approval = 'AWAITING' WHERE id % 10000 = 11",
    # Choices that nearly everybody has, and that hardly anybody has; those who want to hear nothing.
    "UPDATE contact SET category = CASE WHEN id % 10000 = 9 THEN 'VIP' ELSE 'Regular' END, "
    "life_cycle_state = CASE WHEN id % 10000 = 12 THEN 'Lost' ELSE 'Customer' END, "
    "do_not_call = CASE WHEN id % 10000 = 13 THEN {true} ELSE {false} END, "
    "direct_marketing = CASE WHEN id % 10000 = 14 THEN {true} WHEN id % 3 = 0 THEN {false} END, "
    "email_opt_out = CASE WHEN id % 3 = 0 THEN {true} ELSE {false} END",
    "UPDATE account SET account_type = CASE WHEN id % 1000 = 9 THEN 'Partner' ELSE 'Customer' END, "
    "segment = CASE WHEN id % 1000 = 9 THEN 'Government' ELSE 'SMB' END, rating = 'Warm'",
    "UPDATE address SET state = 'Central', state_key = 'central', postal_code = '1000' WHERE party_id % 3 = 1",
    "UPDATE address SET state = 'Far North', state_key = 'far north', postal_code = '9999' WHERE party_id % 10000 = 8",
    # The keys of what was changed; all of it is in Latin letters without accents.
    "UPDATE contact SET category_key = lower(coalesce(category, '')), "
    "life_cycle_state_key = lower(coalesce(life_cycle_state, ''))",
    "UPDATE account SET account_type_key = lower(coalesce(account_type, '')), "
    "segment_key = lower(coalesce(segment, '')), rating_key = lower(coalesce(rating, ''))",
    "UPDATE lead SET rating_key = lower(coalesce(rating, ''))",
    "UPDATE address SET postal_code_key = lower(coalesce(postal_code, ''))",
    *(
        f"UPDATE {record} SET {record_key} = coalesce((SELECT {key} FROM {rows} "
        f"WHERE party_id = {record}.id AND active ORDER BY rank, id LIMIT 1), '')"
        for record in ("contact", "account", "lead")
        for record_key, rows, key in (
            ("email_key", "email", "address_key"),
            ("phone_key", "phone", "coalesce(substr(e164, 2), digits)"),
            ("city_key", "address", "city_key"),
        )
    ),
    # The words of what was changed.
    *(
        f"DELETE FROM search_term WHERE field = {field} AND NOT EXISTS (SELECT 1 FROM {rows} WHERE id = source_id)"
        for field, rows in ((7, "email"), (8, "phone"), (9, "address"))
    ),
    *(
        f"DELETE FROM search_term WHERE field = {field} AND party_id IN (SELECT own FROM ({whose}) AS whose)"
        for field, _, whose in WORDS
    ),
    *(
        f"INSERT INTO search_term (party_id, term, field, source_id, kind) SELECT own, '{word}', {field}, row_id, "
        f"CASE party.kind WHEN 'CONTACT' THEN 1 WHEN 'ACCOUNT' THEN 2 ELSE 3 END "
        f"FROM ({whose}) AS whose JOIN party ON party.id = own"
        for field, word, whose in WORDS
    ),
    *(
        f"INSERT INTO search_part (field, part, word) VALUES ({field}, '{word[i:]}', '{word}')"
        for field, word in dict.fromkeys((field, word) for field, word, _ in WORDS)
        for i in range(len(word) - 2)
    ),
    # External ids of every contact in three, in the spaces of two dialects.
    "INSERT INTO external_id (dialect, space, value, live, party_id) "
    "SELECT 'zoho', 'record', CAST(id * 7 AS TEXT), {true}, id FROM contact WHERE id % 3 = 0",
    "INSERT INTO external_id (dialect, space, value, live, party_id) "
    "SELECT 'valomnia', 'contact', CAST(id * 11 AS TEXT), {true}, id FROM contact WHERE id % 9 = 1",
    # Three in ten are deleted, which took their external ids' life.
    "UPDATE contact SET deleted_at = updated_at WHERE id % 10 < 3",
    "UPDATE lead SET deleted_at = updated_at WHERE id % 10 < 3",
    "UPDATE external_id SET live = NULL WHERE party_id % 10 < 3",
    "UPDATE search_term SET kind = 0 WHERE kind <> 2 AND party_id % 10 < 3",
    # A record whose history is long.
    "INSERT INTO change (party_id, kind, action, revision, at, door, fields) SELECT (SELECT max(id) FROM contact), "
    "'CONTACT', 'UPDATE', 2, updated_at, 'GRAPHQL', '[]' FROM contact WHERE id % 30 = 0",
)


def statements(*, sqlite: bool) -> list[str]:
    """What turns a seeded store into a skewed one."""
    words = {"{true}": "1" if sqlite else "TRUE", "{false}": "0" if sqlite else "FALSE"}
    return [reduce(lambda text, word: text.replace(word, words[word]), words, each) for each in STATEMENTS]
