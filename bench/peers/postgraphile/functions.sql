-- What PostGraphile's documentation calls for where tables alone do not say it: a computed column, a custom query and
-- a custom mutation, each a function of the database. CREATE OR REPLACE: they may be there already.

CREATE OR REPLACE FUNCTION contact_full_name(contact contact) RETURNS text LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT concat_ws(' ', contact.first_name, contact.middle_name, contact.last_name)
$$;

CREATE OR REPLACE FUNCTION bench_key(given text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT replace(lower(regexp_replace(normalize(given, NFKD), '[\u0300-\u036f]', '', 'g') COLLATE pg_c_utf8), 'ς', 'σ')
    COLLATE "C"
$$;
COMMENT ON FUNCTION bench_key IS '@behavior -*';

CREATE OR REPLACE FUNCTION contacts_named(prefix text, city text) RETURNS SETOF contact LANGUAGE plpgsql STABLE
ROWS 50 AS $$
DECLARE
  lower_end text COLLATE "C" := bench_key(prefix);
  upper_end text COLLATE "C" := left(lower_end, -1) || chr(ascii(right(lower_end, 1)) + 1);
  city_wanted text COLLATE "C" := bench_key(city);
BEGIN
  RETURN QUERY
    SELECT c.* FROM contact c
    WHERE c.deleted_at IS NULL AND c.last_name_key >= lower_end AND c.last_name_key < upper_end
      AND EXISTS (SELECT FROM address a WHERE a.party_id = c.id AND a.active AND a.city_key = city_wanted)
    ORDER BY c.last_name_key, c.id LIMIT 50;
END
$$;

CREATE OR REPLACE FUNCTION rename_contact(contact_id bigint, first_name text, phone_id bigint, raw text)
RETURNS contact LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
  old contact;
  old_raw text;
  fields jsonb := '[]';
  changed contact;
BEGIN
  SELECT * INTO STRICT old FROM contact c WHERE c.id = contact_id AND c.deleted_at IS NULL FOR UPDATE;
  SELECT p.raw INTO STRICT old_raw FROM phone p WHERE p.id = phone_id AND p.party_id = contact_id;
  IF old.first_name IS DISTINCT FROM rename_contact.first_name THEN
    fields := fields || jsonb_build_object('field', 'first_name', 'old', old.first_name, 'new', rename_contact.first_name);
  END IF;
  IF old_raw IS DISTINCT FROM rename_contact.raw THEN
    fields := fields || jsonb_build_object(
      'field', 'phones.' || phone_id || '.raw', 'old', old_raw, 'new', rename_contact.raw);
    UPDATE phone p SET raw = rename_contact.raw, digits = regexp_replace(rename_contact.raw, '\D', '', 'g'),
      e164 = '+' || regexp_replace(rename_contact.raw, '\D', '', 'g') WHERE p.id = phone_id;
  END IF;
  IF fields = '[]' THEN
    RETURN old;
  END IF;
  UPDATE contact c SET first_name = rename_contact.first_name, revision = c.revision + 1, updated_at = clock_timestamp(),
    modified_by_id = current_setting('bench.staff_id')::bigint
  WHERE c.id = contact_id RETURNING * INTO changed;
  INSERT INTO change (party_id, kind, action, revision, at, door, credential_id, fields)
  VALUES (contact_id, 'CONTACT', 'UPDATED', changed.revision, changed.updated_at, 'GRAPHQL',
    current_setting('bench.credential_id')::bigint, fields);
  RETURN changed;
END
$$;
