// Tries lists, search, errors, back-links and types through urql and Apollo Client, in Node: node lists.mjs <endpoint URL of a demo>
//
// Both ask the same and have to find the same. Fails at the first thing that a client could not go on with.
import assert from 'node:assert/strict';
import { ApolloClient, CombinedGraphQLErrors, HttpLink, InMemoryCache, gql } from '@apollo/client';
import { Client, cacheExchange, fetchExchange } from '@urql/core';

const [endpoint] = process.argv.slice(2);
if (!endpoint) throw new Error('Usage: node lists.mjs <endpoint URL>');
const { staff } = await (await fetch(`${endpoint}/demo.json`)).json();
const post = async (query, variables) => {
  const headers = { 'Content-Type': 'application/json' };
  return (await (await fetch(endpoint, { method: 'POST', headers, body: JSON.stringify({ query, variables }) })).json()).data;
};
const LOGIN = 'mutation($i: LoginInput!) { login(input: $i) { accessToken } }';
const headers = { Authorization: `Bearer ${(await post(LOGIN, { i: staff })).login.accessToken}` };

const urql = new Client({ url: endpoint, exchanges: [cacheExchange, fetchExchange], fetchOptions: { headers }, preferGetMethod: false });
const apollo = new ApolloClient({
  link: new HttpLink({ uri: endpoint, headers }),
  cache: new InMemoryCache({ possibleTypes: { Record: ['Contact', 'Account', 'Lead'] } }),
  defaultOptions: { query: { errorPolicy: 'all', fetchPolicy: 'network-only' }, mutate: { errorPolicy: 'all' } },
});
const isMutation = (text) => text.startsWith('mutation');
/** {data, errors} of an operation by each client. */
const clients = {
  urql: async (text, variables) => {
    const { data, error } = await (isMutation(text) ? urql.mutation(text, variables) : urql.query(text, variables)).toPromise();
    assert.ok(!error?.networkError, error?.networkError);
    return { data, errors: error?.graphQLErrors ?? [] };
  },
  apollo: async (text, variables) => {
    const { data, error } = await (isMutation(text)
      ? apollo.mutate({ mutation: gql(text), variables })
      : apollo.query({ query: gql(text), variables }));
    assert.ok(!error || CombinedGraphQLErrors.is(error), error);
    return { data, errors: error?.errors ?? [] };
  },
};

const LIST = `query List($filter: ContactFilter, $sort: [ContactSort!], $after: String) {
  contacts(first: 3, filter: $filter, sort: $sort, after: $after) {
    totalCount edges { cursor node { id displayName can phones { id raw national extension valid of { id } } account { id name } } }
    pageInfo { hasNextPage endCursor } } }`;
const GROUPS = `query Groups { contactGroups(by: [COUNTRY]) { keys count contacts(first: 1) { totalCount nodes { id } } }
  choices(of: LEAD, field: "status") { value label active }
  users(sort: [{field: NAME}]) { nodes { id name contacts(first: 1) { totalCount } } } }`;
const WRONG = `mutation Wrong($input: CreateContactInput!) { createContact(input: $input) { contact { id } userErrors {
  __typename code path message ... on RangeError { limitLength least most } ... on ChoiceError { choices } } } }`;
const STALE = `mutation Stale($input: UpdateContactInput!) { updateContact(input: $input) { contact { id } userErrors {
  __typename code path ... on StaleError { current record { id displayName } changes { id record { id } } } } } }`;
const NODES = `query Nodes($ids: [ID!]!) { nodes(ids: $ids) { __typename id ... on Phone { of { id } } } }`;
const HISTORY = `query History($id: ID!) { node(id: $id) { id ... on Record { history(first: 2) { nodes { id recordId record { id } } } } } }`;

for (const [name, ask] of Object.entries(clients)) {
  const ok = async (text, variables) => {
    const { data, errors } = await ask(text, variables);
    assert.deepEqual(errors, [], name);
    return data;
  };
  // A list: sorted, paged, filtered, and a cursor that belongs to its filter.
  const sort = [{ field: 'FULL_NAME' }];
  const first = (await ok(LIST, { sort })).contacts;
  assert.ok(first.totalCount > 3 && first.pageInfo.hasNextPage && first.edges[0].node.can.includes('UPDATE'), name);
  const second = (await ok(LIST, { sort, after: first.pageInfo.endCursor })).contacts;
  const ids = [...first.edges, ...second.edges].map(({ node }) => node.id);
  assert.equal(new Set(ids).size, 6, name);
  const other = await ask(LIST, { sort, filter: { lastName: { notIn: ['x'] } }, after: first.pageInfo.endCursor });
  assert.deepEqual(
    other.errors.map(({ extensions }) => [extensions.code, extensions.reason, extensions.inputPath]),
    [['BAD_USER_INPUT', 'CONFLICTING', ['after']]],
    name,
  );
  // A wrong value has its place: the variable, and the field in it.
  const late = await ask(LIST, { filter: { createdAt: { gt: 'yesterday' } } });
  const [{ extensions }] = late.errors;
  assert.deepEqual([extensions.reason, extensions.variable, extensions.inputPath.join('.')], ['NOT_A_DATE', 'filter', 'filter.createdAt.gt']);
  // Search, by the beginning of a name that is there.
  const found = await ok(`query Search($text: String!) { search(text: $text, first: 5) { totalCount
    edges { node { __typename id displayName } matched { field excerpt } } } }`, { text: first.edges[0].node.displayName });
  assert.ok(found.search.edges.some(({ node }) => node.id === ids[0]), name);
  assert.match(found.search.edges[0].matched[0].excerpt, /\u2068.*\u2069/, name);
  // Groups hold what they count; menus and owners.
  const groups = await ok(GROUPS);
  assert.equal(groups.contactGroups.reduce((sum, { count }) => sum + count, 0), first.totalCount, name);
  assert.ok(groups.contactGroups.every(({ count, contacts }) => count === contacts.totalCount && contacts.nodes.length), name);
  assert.ok(groups.choices.length && groups.users.nodes.length, name);
  // Errors by field, all at once, with their facts.
  const input = { firstName: 'x'.repeat(1001), birthDate: { month: 13 }, owner: 'usr_1', emails: { add: [{ kind: 'BUSINESS', address: 'ada' }] } };
  const { userErrors } = (await ok(WRONG, { input })).createContact;
  const facts = Object.fromEntries(userErrors.map((each) => [each.path.slice(1).join('.'), [each.code, each.limitLength ?? each.most ?? null]]));
  assert.deepEqual(facts, {
    lastName: ['REQUIRED', null],
    firstName: ['TOO_LONG', 1000],
    'birthDate.month': ['NOT_A_DATE', 12],
    owner: ['NOT_FOUND', null],
    'emails.add.0.address': ['NOT_AN_EMAIL', null],
  }, name);
  const stale = (await ok(STALE, { input: { contact: { id: ids[0] }, firstName: 'Late', ifRevision: 0 } })).updateContact.userErrors;
  assert.equal(stale[0].__typename, 'StaleError', name);
  assert.ok(stale[0].record.id === ids[0] && stale[0].changes.every(({ record }) => record.id === ids[0]), name);
  // What belongs to a record leads back, and is found by its id.
  const { node } = [...first.edges, ...second.edges].find((edge) => edge.node.phones.length);
  assert.deepEqual(node.phones.map(({ of }) => of.id), node.phones.map(() => node.id), name);
  const { nodes } = await ok(NODES, { ids: [node.phones[0].id, node.id] });
  assert.deepEqual(nodes.map(({ __typename }) => __typename), ['Phone', 'Contact'], name);
  const history = (await ok(HISTORY, { id: node.id })).node.history.nodes;
  assert.ok(history.length && history.every(({ recordId, record }) => recordId === node.id && record.id === node.id), name);
  assert.equal((await ok(NODES, { ids: [history[0].id] })).nodes[0].__typename, 'Change', name);
}
console.log('Both clients found the same.');
process.exit(0);
