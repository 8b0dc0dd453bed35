import { useMutation } from "@apollo/client/react";
import { CombinedGraphQLErrors } from "@apollo/client";
import { useState } from "react";
import { client, LIST, SAVE } from "./api.js";

const primary = (rows) => rows.find((row) => row.primary);

const valuesOf = (contact) => ({
  firstName: contact.firstName ?? "",
  lastName: contact.lastName,
  jobTitle: contact.jobTitle ?? "",
  category: contact.category ?? "",
  owner: contact.owner?.id ?? "",
  email: primary(contact.emails)?.address ?? "",
  phone: primary(contact.phones)?.raw ?? "",
});

/** A row that is added, changed or removed, as the field of its list says. */
function rowOf(row, name, kind, text) {
  if (row && text) return { update: [{ id: row.id, [name]: text }] };
  if (row) return { remove: [row.id] };
  return { add: [{ kind, [name]: text }] };
}

/** The `UpdateContactInput` of what differs. */
function inputOf(contact, values, revision) {
  const before = valuesOf(contact);
  const changed = Object.keys(values).filter((name) => values[name] !== before[name]);
  const input = { contact: { id: contact.id }, ifRevision: revision };
  for (const name of changed) {
    if (name === "email") input.emails = rowOf(primary(contact.emails), "address", "BUSINESS", values.email);
    else if (name === "phone") input.phones = rowOf(primary(contact.phones), "raw", "MOBILE", values.phone);
    else input[name] = values[name] || null;
  }
  return changed.length ? input : null;
}

const FIELDS = { emails: "email", phones: "phone" };

/** {field of the form: what is wrong with it}; "" has what is about the whole. A fault of a value comes at the top of the answer,
 * with the same path as those that are in the payload. */
function byField(errors) {
  const found = {};
  for (const { message, path } of errors) {
    const name = FIELDS[path[1]] ?? path[1];
    const label = FIELDS_OF_THE_FORM[name];
    // A message begins with the path of the field, which people know by its label.
    (found[label ? name : ""] ??= []).push(label ? message.replace(/^`[^`]*`/, label) : message);
  }
  return found;
}
const FIELDS_OF_THE_FORM = { firstName: "First name", lastName: "Last name", jobTitle: "Job title", email: "Email", phone: "Phone" };

export function Edit({ contact: shown, menus, onDone }) {
  // As it was read when the form opened: the list behind it may be newer by now.
  const [contact] = useState(shown);
  const [values, setValues] = useState(() => valuesOf(contact));
  const [errors, setErrors] = useState({});
  const [stale, setStale] = useState(null);
  const [save, { loading }] = useMutation(SAVE, { errorPolicy: "all" });
  const set = (name) => ({ target }) => setValues({ ...values, [name]: target.value });

  async function send(revision) {
    const input = inputOf(contact, values, revision);
    if (!input) return onDone();
    const { data, error } = await save({ variables: { input } });
    const refused = CombinedGraphQLErrors.is(error)
      ? error.errors.map(({ message, extensions }) => ({ message, path: extensions.inputPath ?? ["input"] }))
      : error ? [{ message: error.message, path: ["input"] }] : [];
    const told = (data?.updateContact.userErrors ?? []).filter(({ __typename }) => !__typename.endsWith("Warning"));
    setStale(told.find(({ code }) => code === "STALE") ?? null);
    setErrors(byField([...refused, ...told.filter(({ code }) => code !== "STALE")]));
    if (data?.updateContact.contact && !refused.length) onDone();
  }

  async function takeTheirs() {
    await client.refetchQueries({ include: [LIST] });
    onDone();
  }

  return (
    <dialog open>
      <form onSubmit={(event) => { event.preventDefault(); send(contact.revision); }} noValidate>
        <h2>{contact.displayName}</h2>
        {Object.entries(FIELDS_OF_THE_FORM).map(([name, label]) => (
          <label key={name}>
            {label}
            <input name={name} value={values[name]} onChange={set(name)} aria-invalid={Boolean(errors[name])} />
            {errors[name]?.map((message) => <em key={message} role="alert">{message}</em>)}
          </label>
        ))}
        <label>Category
          <input name="category" list="categories" value={values.category} onChange={set("category")} />
          <datalist id="categories">{menus?.categories.map(({ value }) => <option key={value} value={value} />)}</datalist>
        </label>
        <label>Owner
          <select name="owner" value={values.owner} onChange={set("owner")}>
            <option value="">Nobody</option>
            {menus?.users?.nodes.map(({ id, name }) => <option key={id} value={id}>{name}</option>)}
          </select>
        </label>
        {errors[""]?.map((message) => <p key={message} role="alert">{message}</p>)}
        {stale && (
          <section role="alert">
            <p>Somebody has changed this contact meanwhile:</p>
            <ul>
              {stale.changes?.map(({ at, user, fields }) =>
                fields.map(({ field, old, new: now }) => (
                  <li key={at + field}>{user?.name ?? "Somebody"}: {field}, {JSON.stringify(old)} is {JSON.stringify(now)} now</li>
                )),
              )}
            </ul>
            <button type="button" onClick={takeTheirs}>Leave it so</button>
            <button type="button" onClick={() => send(stale.record.revision)}>Save mine over it</button>
          </section>
        )}
        <button type="submit" disabled={loading}>Save</button>
        <button type="button" onClick={onDone}>Cancel</button>
      </form>
    </dialog>
  );
}
