// Links that open the page with an operation in it. What a link holds is shown, never run.
import { parse, print } from 'graphql';

const NAMES = ['query', 'variables', 'operationName'];

/**
 * The operation that the page's own address holds, or null: after `#` as this page writes it, so that no server is sent it
 * and no log keeps it, or after `?` as GraphQL over HTTP has it.
 */
export function operationOf(location) {
  for (const given of [location.hash.slice(1), location.search.slice(1)]) {
    const values = new URLSearchParams(given);
    if (!values.get('query')) continue;
    const operation = Object.fromEntries(NAMES.map((name) => [name, values.get(name) ?? '']));
    return { ...operation, query: laidOut(operation.query) };
  }
  return null;
}

/**
 * A document that came on one line, as one writes it into an address, laid out to be read. Any other stays as it is, with its
 * comments; so does what cannot be parsed.
 */
function laidOut(query) {
  if (/[\n#]/.test(query.trim())) return query;
  try {
    return print(parse(query));
  } catch {
    return query;
  }
}

/** The address that opens the page with this operation. */
export function linkTo(location, { query, variables }) {
  const values = new URLSearchParams({ query });
  if (variables?.trim()) values.set('variables', variables);
  return `${location.origin}${location.pathname}#${values}`;
}
