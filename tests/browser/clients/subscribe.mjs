// Subscriptions by the libraries that people use: node subscribe.mjs <endpoint URL of a demo>
//
// graphql-ws, graphql-sse, Apollo Client and urql each go on from a cursor and are told what happens next; graphql-ws comes
// again by itself after a token that was refused. Fails at the first thing that is not as docs/changes.md says.
import assert from 'node:assert/strict';
import { ApolloClient, ApolloLink, InMemoryCache, gql } from '@apollo/client';
import { GraphQLWsLink } from '@apollo/client/link/subscriptions';
import { Client, subscriptionExchange } from '@urql/core';
import { createClient as createSse } from 'graphql-sse';
import { createClient as createWs } from 'graphql-ws';
import WebSocket from 'ws';

const [endpoint] = process.argv.slice(2);
if (!endpoint) throw new Error('Usage: node subscribe.mjs <endpoint URL>');
const socket = endpoint.replace(/^http/, 'ws');
const CHANGED = 'subscription Changed($after: String) { changed(after: $after) { cursor action recordId record { displayName } } }';

let token;
async function post(query, variables) {
  const headers = { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) };
  const answer = await (await fetch(endpoint, { method: 'POST', headers, body: JSON.stringify({ query, variables }) })).json();
  assert.equal(answer.errors, undefined, JSON.stringify(answer));
  return answer.data;
}

const { staff } = await (await fetch(`${endpoint}/demo.json`)).json();
const login = 'mutation($e: EmailAddress!, $p: String!) { login(input: {email: $e, password: $p}) { accessToken } }';
token = (await post(login, { e: staff.email, p: staff.password })).login.accessToken;
const create = (name) => post('mutation($n: String!) { createContact(input: {lastName: $n}) { contact { id } } }', { n: name });
const end = async () => (await post('{ changes(first: 0) { pageInfo { endCursor } } }')).changes.pageInfo.endCursor;

/** Two events, one from before and one from after the subscription, of whatever `subscribe(variables, told, failed)` tells. */
async function twoEvents(name, subscribe) {
  const after = await end();
  const first = (await create(`${name} 1`)).createContact.contact.id;
  const seen = [];
  await new Promise((done, failed) => {
    const late = setTimeout(() => failed(new Error(`${name} was told ${JSON.stringify(seen)}`)), 20_000);
    subscribe(
      { after },
      async (data) => {
        seen.push(data.changed);
        if (seen.length === 1) await create(`${name} 2`);
        if (seen.length === 2) done(clearTimeout(late));
      },
      failed,
    );
  });
  assert.equal(seen[0].recordId, first);
  assert.deepEqual(seen.map((each) => [each.action, each.record.displayName]), [['CREATED', `${name} 1`], ['CREATED', `${name} 2`]]);
  console.log(`${name}: told`);
}

const connectionParams = () => ({ Authorization: `Bearer ${token}` });
const ws = createWs({ url: socket, webSocketImpl: WebSocket, connectionParams });
await twoEvents('graphql-ws', (variables, told, failed) => {
  ws.subscribe({ query: CHANGED, variables }, { next: ({ data }) => told(data), error: failed, complete() {} });
});

const sse = createSse({ url: endpoint, headers: () => ({ Authorization: `Bearer ${token}` }) });
await twoEvents('graphql-sse', (variables, told, failed) => {
  sse.subscribe({ query: CHANGED, variables }, { next: ({ data }) => told(data), error: failed, complete() {} });
});

const apollo = new ApolloClient({ link: ApolloLink.from([new GraphQLWsLink(ws)]), cache: new InMemoryCache() });
await twoEvents('Apollo Client', (variables, told, failed) => {
  apollo.subscribe({ query: gql(CHANGED), variables }).subscribe({ next: ({ data }) => told(data), error: failed });
});

const forward = (request) => ({
  subscribe: (sink) => ({ unsubscribe: ws.subscribe({ ...request, query: request.query ?? '' }, sink) }),
});
const urql = new Client({ url: endpoint, exchanges: [subscriptionExchange({ forwardSubscription: forward })], preferGetMethod: false });
await twoEvents('urql', (variables, told, failed) => {
  urql.subscription(CHANGED, variables).subscribe(({ data, error }) => (error ? failed(error) : told(data)));
});

// A query by graphql-sse is a stream of one answer.
const answers = [];
for await (const { data } of sse.iterate({ query: '{ me { role } }' })) answers.push(data.me.role);
assert.deepEqual(answers, ['ADMIN']);

// A token that does not hold closes with 4403, after which graphql-ws comes again, with the token that there is by then.
const closed = [];
let tried = 0;
const stubborn = createWs({
  url: socket,
  webSocketImpl: WebSocket,
  retryAttempts: 3,
  connectionParams: () => ({ Authorization: `Bearer ${tried++ ? token : 'spent'}` }),
  on: { closed: ({ code }) => closed.push(code) },
});
await twoEvents('graphql-ws again', (variables, told, failed) => {
  stubborn.subscribe({ query: CHANGED, variables }, { next: ({ data }) => told(data), error: failed, complete() {} });
});
assert.deepEqual(closed, [4403]);
console.log('All clients were told.');
process.exit(0);
