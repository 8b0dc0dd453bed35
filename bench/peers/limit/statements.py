"""The statements of the bare limit, and the arguments they take from an operation's variables."""

import base64
import os
from typing import Any

from bench.peers.text import after, fold

_FULL_NAME = "concat_ws(' ', c.first_name, c.middle_name, c.last_name)"
_ACCOUNT = (
    "(SELECT row_to_json(y) FROM (SELECT {} FROM account a WHERE a.id = c.account_id AND a.deleted_at IS NULL) y)"
)


def _rows(table: str, columns: str) -> str:
    """The rows of a contact as a JSON array of objects, whose keys are the columns."""
    rows = f"SELECT {columns} FROM {table} r WHERE r.party_id = c.id ORDER BY r.rank, r.id"
    return f"(SELECT coalesce(json_agg(x), '[]') FROM ({rows}) x)"


_Q1 = f"""
SELECT json_build_object('data', json_build_object('contact', row_to_json(n)))::text FROM (
  SELECT c.id::text, c.first_name AS "firstName", c.last_name AS "lastName", c.job_title AS "jobTitle",
    {_rows("email", "kind, address")} AS emails, {_rows("phone", "kind, raw, e164")} AS phones,
    {_rows("address", 'kind, street, city, postal_code AS "postalCode", country')} AS addresses,
    {_ACCOUNT.format("a.id::text, a.name")} AS account
  FROM contact c WHERE c.id = $1 AND c.deleted_at IS NULL) n
"""
_PAGE = f"""
SELECT json_build_object('data', json_build_object('contacts', json_build_object(
  'edges', coalesce(json_agg(json_build_object('cursor', e.cursor, 'node', e.node) ORDER BY e.place)
                    FILTER (WHERE e.place <= $2), '[]'),
  'pageInfo', json_build_object('hasNextPage', count(*) > $2,
    'endCursor', (array_agg(e.cursor ORDER BY e.place))[least($2, count(*))]))))::text
FROM (
  SELECT row_number() OVER () AS place, row_to_json(n) AS node,
    replace(encode(convert_to(n.id, 'UTF8'), 'base64'), '=', '') AS cursor
  FROM (
    SELECT c.id::text, c.number, c.first_name AS "firstName", c.middle_name AS "middleName", c.last_name AS "lastName",
      c.job_title AS "jobTitle", c.department, c.language, c.created_at AS "createdAt", c.updated_at AS "updatedAt",
      {_rows("email", "address")} AS emails, {_rows("phone", "raw")} AS phones,
      {_rows("address", "city, country")} AS addresses, {_ACCOUNT.format("a.name, a.industry")} AS account
    FROM contact c WHERE c.deleted_at IS NULL AND {{where}} ORDER BY c.created_at DESC, c.id DESC LIMIT $2 + 1) n) e
"""
_Q3 = f"""
SELECT json_build_object('data', json_build_object('accounts', json_build_object('nodes', json_agg(n))))::text FROM (
  SELECT a.id::text, a.name, json_build_object('nodes', (
    SELECT coalesce(json_agg(m), '[]') FROM (
      SELECT {_FULL_NAME} AS "fullName", {_rows("email", "address")} AS emails
      FROM contact c WHERE c.account_id = a.id AND c.deleted_at IS NULL ORDER BY c.id LIMIT 10) m)) AS contacts
  FROM account a WHERE a.deleted_at IS NULL ORDER BY a.id LIMIT 50) n
"""
_Q4 = f"""
SELECT json_build_object('data', json_build_object('contacts', json_build_object(
  'nodes', coalesce(json_agg(n), '[]'))))::text
FROM (
  SELECT c.id::text, {_FULL_NAME} AS "fullName", {_rows("email", "address")} AS emails,
    {_rows("address", "city")} AS addresses
  FROM (
    SELECT DISTINCT name_key, party_id FROM address
    WHERE city_key = $3 AND name_key >= $1 AND name_key < $2 AND active) a
  JOIN contact c ON c.id = a.party_id AND c.deleted_at IS NULL ORDER BY a.name_key, a.party_id LIMIT 50) n
"""
_M1 = """
WITH old AS (
  SELECT c.id, c.first_name, p.id AS phone, p.raw FROM contact c JOIN phone p ON p.party_id = c.id AND p.id = $3
  WHERE c.id = $1 AND c.deleted_at IS NULL FOR UPDATE
), telephone AS (
  UPDATE phone SET raw = $4, digits = $5, e164 = '+' || $5 FROM old WHERE phone.id = old.phone
), person AS (
  UPDATE contact c SET first_name = $2, revision = c.revision + 1, updated_at = clock_timestamp(), modified_by_id = $6
  FROM old WHERE c.id = old.id RETURNING c.id, c.revision, c.updated_at
), log AS (
  INSERT INTO change (party_id, kind, action, revision, at, door, credential_id, fields)
  SELECT person.id, 'CONTACT', 'UPDATED', person.revision, person.updated_at, 'GRAPHQL', $7, jsonb_build_array(
    jsonb_build_object('field', 'first_name', 'old', old.first_name, 'new', $2::text),
    jsonb_build_object('field', 'phones.' || old.phone || '.raw', 'old', old.raw, 'new', $4::text))
  FROM person, old
)
SELECT json_build_object('data', json_build_object('updateContact', json_build_object('contact', json_build_object(
  'id', person.id::text, 'revision', person.revision, 'firstName', $2::text, 'phones', (
    SELECT json_agg(json_build_object('id', p.id::text, 'raw', CASE WHEN p.id = $3 THEN $4 ELSE p.raw END)
                    ORDER BY p.rank, p.id) FROM phone p WHERE p.party_id = person.id)),
  'userErrors', '[]'::json)))::text
FROM person
"""

_STATEMENTS = {
    "Q1": _Q1,
    "Q2": _PAGE.format(where="$1::bigint IS NULL"),
    "Q2 after": _PAGE.format(where="(c.created_at, c.id) < (SELECT created_at, id FROM contact WHERE id = $1)"),
    "Q3": _Q3,
    "Q4": _Q4,
    "M1": _M1,
}


def statement(name: str, given: dict[str, Any]) -> str:
    """The statement that answers an operation with these variables."""
    return _STATEMENTS["Q2 after" if given.get("after") else name]


def arguments(name: str, given: dict[str, Any]) -> tuple[Any, ...]:
    """What the statement takes."""
    match name:
        case "Q1":
            return (int(given["id"]),)
        case "Q2":
            cursor = given.get("after")
            return (None if cursor is None else int(base64.b64decode(cursor + "==")), given.get("first", 100))
        case "Q4":
            key = fold(given["prefix"])
            return key, after(key), fold(given["city"])
        case "M1":
            raw = given["raw"]
            return (
                int(given["contact"]["id"]),
                given["firstName"],
                int(given["phone"]),
                raw,
                "".join(c for c in raw if c.isdigit()),
                int(os.environ["BENCH_STAFF_ID"]),
                int(os.environ["BENCH_CREDENTIAL_ID"]),
            )
    return ()
