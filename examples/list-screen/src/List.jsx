import { useQuery } from "@apollo/client/react";
import { useEffect, useState } from "react";
import { LIST, MENUS, SEARCH } from "./api.js";
import { COLUMNS } from "./columns.jsx";
import { Edit } from "./Edit.jsx";

const SIZE = 5;
const START = { first: SIZE };
const NOTHING = { category: "", owner: "", city: "", changed: "", phone: false, deleted: false };

/** The `ContactFilter` of what is chosen; what is not chosen is left out. */
const filterOf = ({ category, owner, city, changed, phone, deleted }) => ({
  ...(category && { category: { eq: category } }),
  ...(owner && { owner: { eq: owner } }),
  ...(city.trim() && { city: { startsWith: city } }),
  ...(changed && { updatedAt: { ago: { from: changed } } }),
  ...(phone && { phone: { isNull: false } }),
  ...(deleted && { deleted: true }),
});

/** What somebody types, once they pause. */
function usePaused(text) {
  const [paused, setPaused] = useState(text);
  useEffect(() => {
    const timer = setTimeout(() => setPaused(text), 200);
    return () => clearTimeout(timer);
  }, [text]);
  return paused;
}

const Excerpt = ({ matched }) => {
  const [before, hit, after] = matched.excerpt.split(/[\u2068\u2069]/);
  return <small>{matched.field}: {before}<mark>{hit}</mark>{after}</small>;
};

export function List() {
  const [text, setText] = useState("");
  const [chosen, setChosen] = useState(NOTHING);
  const [sort, setSort] = useState({ field: "FULL_NAME", direction: "ASC" });
  const [page, setPage] = useState(START);
  const [hidden, setHidden] = useState(["Changed"]);
  const [edited, setEdited] = useState(null);

  const words = usePaused(text).trim();
  const city = usePaused(chosen.city);
  const filter = filterOf({ ...chosen, city });
  const isSearch = words.length > 1;
  // A cursor belongs to its list: with another one, we are at the beginning again.
  const asked = JSON.stringify(isSearch ? words : [filter, sort]);
  useEffect(() => setPage(START), [asked]);
  const listed = { filter, sort: chosen.deleted ? null : [sort], ...page };
  const { data = {}, previousData, error, loading, refetch } = useQuery(isSearch ? SEARCH : LIST, {
    variables: isSearch ? { text: words, ...page } : listed,
    fetchPolicy: "cache-and-network",
  });
  const { data: menus } = useQuery(MENUS);
  const found = (data.contacts ?? previousData?.contacts) || { nodes: [], pageInfo: {}, totalCount: 0 };
  const matches = Object.fromEntries((found.edges ?? []).map(({ node, matched }) => [node.id, matched[0]]));
  const columns = COLUMNS.filter(({ name }) => !hidden.includes(name));

  const choose = (name) => ({ target }) =>
    setChosen({ ...chosen, [name]: target.type === "checkbox" ? target.checked : target.value });
  const turn = (field) =>
    setSort({ field, direction: sort.field === field && sort.direction === "ASC" ? "DESC" : "ASC" });
  const toggle = (name) => setHidden(hidden.includes(name) ? hidden.filter((each) => each !== name) : [...hidden, name]);

  return (
    <>
      <header>
        <input type="search" placeholder="Search" aria-label="Search" value={text} onChange={(event) => setText(event.target.value)} />
        <details>
          <summary>Columns</summary>
          {COLUMNS.map(({ name }) => (
            <label key={name}><input type="checkbox" checked={!hidden.includes(name)} onChange={() => toggle(name)} />{name}</label>
          ))}
        </details>
      </header>
      <fieldset disabled={isSearch}>
        <select aria-label="Category" value={chosen.category} onChange={choose("category")}>
          <option value="">Any category</option>
          {menus?.categories.map(({ value, label }) => <option key={value} value={value}>{label}</option>)}
        </select>
        <select aria-label="Owner" value={chosen.owner} onChange={choose("owner")}>
          <option value="">Any owner</option>
          {menus?.users?.nodes.map(({ id, name }) => <option key={id} value={id}>{name}</option>)}
        </select>
        <input aria-label="City" placeholder="City" value={chosen.city} onChange={choose("city")} />
        <select aria-label="Changed" value={chosen.changed} onChange={choose("changed")}>
          <option value="">Changed at any time</option>
          <option value="P1D">since yesterday</option>
          <option value="P7D">in a week</option>
        </select>
        <label><input type="checkbox" checked={chosen.phone} onChange={choose("phone")} />with a phone</label>
        <label><input type="checkbox" checked={chosen.deleted} onChange={choose("deleted")} />deleted</label>
        <button type="button" onClick={() => setChosen(NOTHING)}>All</button>
      </fieldset>
      {error && <p role="alert">{error.message}</p>}
      <table aria-busy={loading}>
        <thead>
          <tr>
            {columns.map(({ name, sort: field }) => (
              <th key={name} aria-sort={sort.field === field ? (sort.direction === "ASC" ? "ascending" : "descending") : "none"}>
                <button type="button" disabled={isSearch || chosen.deleted} onClick={() => turn(field)}>{name}</button>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {found.nodes.map((contact) => (
            <tr key={contact.id} tabIndex={0} onClick={() => contact.can.includes("UPDATE") && setEdited(contact.id)}>
              {columns.map(({ name, cell }, i) => (
                <td key={name}>{cell(contact)} {i === 0 && matches[contact.id] && <Excerpt matched={matches[contact.id]} />}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      <footer>
        <button type="button" disabled={!found.pageInfo.hasPreviousPage}
          onClick={() => setPage({ last: SIZE, before: found.pageInfo.startCursor })}>Back</button>
        <output>{found.totalCount} found</output>
        <button type="button" disabled={!found.pageInfo.hasNextPage}
          onClick={() => setPage({ first: SIZE, after: found.pageInfo.endCursor })}>Next</button>
      </footer>
      {edited && found.nodes.some(({ id }) => id === edited) && (
        <Edit key={edited} contact={found.nodes.find(({ id }) => id === edited)} menus={menus}
          onDone={() => { setEdited(null); refetch(); }} />
      )}
    </>
  );
}
