// Runs the files of docs/clients.md: node check.mjs <their folder> <endpoint URL of a demo> <port of the page>
//
// First the types: codegen writes them, tsc checks what uses them. Then the rest, bundled, in Chromium: a page of another origin
// signs in, refreshes in two tabs, uploads, pages and reads errors by field, with fetch, Apollo Client and urql alike. Fails at the
// first thing that is not as the guide says. CHROMIUM names the browser (default: /usr/bin/chromium).
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import esbuild from 'esbuild';
import { chromium } from 'playwright-core';

const [folder, endpoint, port] = process.argv.slice(2);
if (!port) throw new Error('Usage: node check.mjs <folder of the files> <endpoint URL> <port of the page>');
const tool = (name, ...args) =>
  execFileSync(process.execPath, [join(import.meta.dirname, 'node_modules', name), ...args], { cwd: folder, stdio: 'pipe' });

tool('@graphql-codegen/cli/cjs/bin.js');
tool(
  'typescript/bin/tsc',
  ...['--noEmit', '--strict', '--skipLibCheck', '--target', 'es2022', '--module', 'esnext', '--moduleResolution', 'bundler'],
  ...['codegen.ts', 'src/profile.ts'],
);

// The server that is tried, in the place of the one that the guide names.
const named = readFileSync(join(folder, 'session.js'), 'utf8');
const session = named.replace('"http://127.0.0.1:8000/graphql"', JSON.stringify(endpoint));
assert.notEqual(session, named);
writeFileSync(join(folder, 'session.js'), session);

// Without uploads, says the guide, Apollo's own link will do.
const upload = 'import UploadHttpLink from "apollo-upload-client/UploadHttpLink.mjs";';
const apollo = readFileSync(join(folder, 'apollo.js'), 'utf8');
const plain = apollo.replace(upload, 'import { HttpLink as UploadHttpLink } from "@apollo/client";');
assert.notEqual(plain, apollo);
writeFileSync(join(folder, 'plain.js'), plain);

// Everything that the guide exports, where a script of the page finds it.
writeFileSync(
  join(folder, 'all.js'),
  `import { gql } from "@apollo/client";
   import * as session from "./session.js"; import * as apollo from "./apollo.js"; import * as urql from "./urql.js"; import * as plain from "./plain.js";
   import * as photo from "./photo.js"; import * as form from "./form.js"; import * as pages from "./pages.js";
   import * as profile from "./src/profile.ts"; import "./leave.js";
   Object.assign(window, { gql, session, apollo: apollo.client, plain: plain.client, urql: urql.client, photo, form, pages, profile });`,
);
const { outputFiles } = await esbuild.build({
  absWorkingDir: folder,
  entryPoints: ['all.js'],
  bundle: true,
  format: 'esm',
  write: false,
});
const page = { '/': ['text/html', '<!doctype html><title>page</title><script type="module" src="/all.js"></script>'] };
page['/all.js'] = ['text/javascript', outputFiles[0].text];
const server = createServer((request, response) => {
  const [type, text] = page[request.url] ?? ['text/plain', ''];
  response.writeHead(page[request.url] ? 200 : 404, { 'Content-Type': type }).end(text);
});
await new Promise((ready) => server.listen(Number(port), '127.0.0.1', ready));
const origin = `http://127.0.0.1:${port}`;

const { customer, staff } = await (await fetch(`${endpoint}/demo.json`)).json();
const profile = mkdtempSync(join(tmpdir(), 'clients-check-'));
const context = await chromium.launchPersistentContext(profile, {
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  headless: true,
  args: ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking', '--disable-component-update'],
});

const sent = []; // what the tabs have posted, by operation
context.on('request', (request) => {
  if (request.method() !== 'POST') return;
  const form = request.headers()['content-type']?.startsWith('multipart/form-data'); // whose body Chromium does not tell
  sent.push(form ? 'uploadPhoto' : /refreshSession|login\(|logout|updateProfile|\bme\b|$/.exec(request.postData())[0]);
});
const count = (name) => sent.filter((each) => each === name).length;
const open = async (where = origin) => {
  const tab = await context.newPage();
  await tab.goto(where);
  await tab.waitForFunction(() => 'profile' in window);
  return tab;
};
/** As if the access token had expired: the server answers both alike. */
const expire = (tab) =>
  tab.evaluate(() => {
    const key = 'crmgraph.session';
    localStorage.setItem(key, JSON.stringify({ ...JSON.parse(localStorage.getItem(key)), accessToken: 'expired' }));
  });
const login = (tab, { email, password }) => tab.evaluate(([e, p]) => window.session.login(e, p), [email, password]);
/** Does what changes the user; both tabs load the page anew. */
async function changing(tabs, work) {
  const loaded = tabs.map((tab) => tab.waitForEvent('load'));
  await work().catch(ended); // the page may go while it waits
  await Promise.all(loaded);
  await Promise.all(tabs.map((tab) => tab.waitForFunction(() => 'profile' in window)));
}
function ended(error) {
  if (!/Execution context was destroyed|navigation/.test(error.message)) throw error;
}

try {
  const [one, two] = [await open(), await open()];
  const both = [one, two];

  // Login: a wrong password is told by its field, and is not tried again; the device is known beyond a logout.
  const wrong = await login(one, { ...customer, password: 'wrong' });
  assert.deepEqual(await one.evaluate((errors) => window.form.byField(errors), wrong), {
    fields: { password: ['The email address or the password is wrong.'] },
    warnings: [],
  });
  assert.equal(count('login('), 1);
  await changing(both, () => login(one, customer));

  // All three read with the token, and both tabs have it.
  const ME = '{ me { id role contact { id firstName } } }';
  const ways = {
    fetch: (tab) => tab.evaluate((me) => window.session.ask(me), ME),
    apollo: (tab) => tab.evaluate((me) => window.apollo.query({ query: window.gql(me), fetchPolicy: 'network-only' }), ME),
    plain: (tab) => tab.evaluate((me) => window.plain.query({ query: window.gql(me), fetchPolicy: 'network-only' }), ME),
    urql: (tab) =>
      tab.evaluate(async (me) => {
        const { data } = await window.urql.query(me, {}, { requestPolicy: 'network-only' });
        return { data };
      }, ME),
  };
  for (const way of Object.values(ways))
    for (const tab of both) assert.equal((await way(tab)).data.me.role, 'CUSTOMER');
  assert.equal(count('refreshSession'), 0);

  // An expired token: one refresh, one more try, whichever way; and one refresh for two tabs with several requests each.
  for (const [name, way] of Object.entries(ways)) {
    await expire(one);
    sent.length = 0;
    assert.equal((await way(one)).data.me.role, 'CUSTOMER', name);
    assert.deepEqual(sent, ['me', 'refreshSession', 'me'], name);
  }
  await expire(one);
  sent.length = 0;
  const answers = await Promise.all(both.flatMap((tab) => Object.values(ways).map((way) => way(tab))));
  assert.deepEqual(answers.map(({ data }) => data.me.role), Array(8).fill('CUSTOMER'));
  assert.ok([1, 2].includes(count('refreshSession')), 'once, or once a tab where one sees late what the other has stored');

  // A change with generated types shows in Apollo's cache; nothing that was refused is done twice.
  await expire(one);
  sent.length = 0;
  const before = await one.evaluate(() => window.apollo.query({ query: window.gql`{ me { id contact { id firstName } } }` }));
  assert.match(await one.evaluate(() => window.profile.rename(window.apollo, 'Renamed')), /^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
  const after = await one.evaluate(() => window.apollo.readQuery({ query: window.gql`{ me { id contact { id firstName } } }` }));
  assert.notEqual(before.data.me.contact.firstName, 'Renamed');
  assert.equal(after.me.contact.firstName, 'Renamed');
  await expire(one);
  const { firstName } = before.data.me.contact;
  assert.match(await one.evaluate((name) => window.profile.renameByUrql(window.urql, name), firstName), /Z$/);
  assert.equal((await ways.fetch(two)).data.me.contact.firstName, firstName);

  // Errors by field, all at once.
  const faults = await one.evaluate(async () => {
    const { data } = await window.session.ask(
      `mutation($input: UpdateProfileInput!) { updateProfile(input: $input) { userErrors { __typename code message path } } }`,
      { input: { lastName: null, emails: { add: [{ kind: 'BUSINESS', address: 'nope' }] } } },
    );
    return window.form.byField(data.updateProfile.userErrors);
  });
  assert.deepEqual(faults, {
    fields: { lastName: ['`lastName` is required: give e.g. Curie.'], 'emails.add.0.address': ['`emails.add.0.address` is no email address, e.g. ada@example.com.'] },
    warnings: [],
  });
  const coerced = await one.evaluate(() =>
    window.session.ask('mutation($input: UpdateProfileInput!) { updateProfile(input: $input) { userErrors { code } } }', {
      input: { phones: { add: [{ kind: 'NOPE', raw: '1' }] }, decisionMaker: 'x' },
    }),
  );
  assert.deepEqual(coerced.errors.map(({ extensions }) => extensions.code), ['BAD_USER_INPUT', 'BAD_USER_INPUT']);

  // Photos, the expired token refreshed on the way; shown without a token on this origin.
  const uploads = {
    fetch: (file) => window.photo.uploadPhoto(file),
    apollo: (file) => window.apollo.mutate({ mutation: window.gql(window.photo.UPLOAD), variables: { input: { photo: file } } }),
    urql: (file) => window.urql.mutation(window.photo.UPLOAD, { input: { photo: file } }).toPromise(),
  };
  for (const [name, upload] of Object.entries(uploads)) {
    await expire(one);
    sent.length = 0;
    const { width, userErrors } = await one.evaluate(async (source) => {
      const canvas = new OffscreenCanvas(300, 300);
      canvas.getContext('2d').fillRect(20, 20, 100, 100);
      const file = new File([await canvas.convertToBlob()], 'portrait.png', { type: 'image/png' });
      const { contact, userErrors } = (await (0, eval)(source)(file)).data.uploadPhoto;
      const image = Object.assign(new Image(), { src: contact.photo.smallUrl });
      await image.decode();
      return { width: image.width, userErrors };
    }, upload.toString());
    assert.deepEqual([width > 0, userErrors], [true, []], name);
    assert.deepEqual(sent, ['uploadPhoto', 'refreshSession', 'uploadPhoto'], name);
  }
  const unannounced = await one.evaluate(async () => {
    const form = new FormData();
    form.append('operations', '{"query": "{ me { id } }"}');
    form.append('map', '{}');
    return (await fetch(window.session.ENDPOINT, { method: 'POST', body: form })).json();
  });
  assert.equal(unannounced.errors[0].extensions.code, 'PREFLIGHT_REQUIRED');

  // Logout ends it in both tabs, which load anew, and what was cached is gone; without a token nothing is retried.
  await changing(both, () => one.evaluate(() => window.session.logout()));
  sent.length = 0;
  for (const way of Object.values(ways)) assert.equal((await way(two)).data.me, null);
  const nobody = await two.evaluate(() => window.session.ask('mutation { logout { userErrors { code } } }'));
  assert.equal(nobody.errors[0].extensions.code, 'UNAUTHENTICATED');
  assert.equal(count('refreshSession'), 0);
  const devices = await two.evaluate(() => Object.keys(localStorage));
  assert.deepEqual(devices, [`crmgraph.device.${customer.email}`]);

  // Staff: pages, by fetch and by Apollo's list; what was done is told with warnings.
  await changing(both, () => login(two, staff));
  const listed = await two.evaluate(async () => {
    const lists = [];
    for await (const list of window.pages.contacts(5)) lists.push(list.map(({ id }) => id));
    const what = { query: window.gql(window.pages.NEWEST), variables: { first: 5 } };
    const data = await new Promise((done, fail) => {
      const query = window.apollo.watchQuery(what);
      query.subscribe(({ data, loading }) => {
        if (loading) return;
        const { hasNextPage, endCursor } = data.contacts.pageInfo;
        if (!hasNextPage) done(data);
        else query.fetchMore({ variables: { after: endCursor } }).catch(fail);
      });
    });
    const counted = await window.session.ask('{ contacts(first: 1) { totalCount } }');
    return { lists, joined: data.contacts.edges.map(({ node }) => node.id), total: counted.data.contacts.totalCount };
  });
  assert.ok(listed.lists.length > 1 && listed.lists[0].length === 5);
  assert.deepEqual(listed.lists.flat(), listed.joined);
  assert.equal(new Set(listed.joined).size, listed.total);
  const warned = await two.evaluate(async () => {
    const { ask } = window.session;
    await ask('mutation { createAccount(input: {name: "Guide & Sons"}) { account { id } } }');
    const { data } = await ask('mutation { createLead(input: {lastName: "Leone", company: "Guide & Sons"}) { lead { id } } }');
    const converted = await ask(
      'mutation($lead: LeadRef!) { convertLead(input: {lead: $lead}) { contact { id } userErrors { __typename message path } } }',
      { lead: { id: data.createLead.lead.id } },
    );
    const { contact, userErrors } = converted.data.convertLead;
    return { done: contact !== null, ...window.form.byField(userErrors) };
  });
  assert.deepEqual(warned, {
    done: true,
    fields: {},
    warnings: ["There is an account of the company's name that may be the same: name it in `account` to join it."],
  });

  // A session that has ended elsewhere: the refresh is refused, once, and both tabs load anew.
  for (const [name, way] of Object.entries(ways)) {
    await one.evaluate(() => localStorage.clear());
    await changing(both, () => login(one, customer));
    await one.evaluate(() => {
      const key = 'crmgraph.session';
      localStorage.setItem(key, JSON.stringify({ user: JSON.parse(localStorage.getItem(key)).user, accessToken: 'ended', refreshToken: 'ended' }));
    });
    await two.waitForFunction(() => window.session?.session()?.accessToken === 'ended');
    sent.length = 0;
    await changing(both, () => way(one).catch(() => null)); // which tells it as an error, unless the page goes first
    assert.equal(count('refreshSession'), 1, name);
    assert.equal(await one.evaluate(() => window.session.session()), null, name);
  }

  // Nothing is sent in the name of somebody who has signed in since, before the page has heard of it.
  await two.close();
  await changing([one], () => login(one, customer));
  const other = await one.evaluate(async (me) => {
    const key = 'crmgraph.session';
    const mine = localStorage.getItem(key);
    localStorage.setItem(key, JSON.stringify({ ...JSON.parse(mine), user: 'another' }));
    const asked = window.session.ask(me); // its token is chosen at once
    localStorage.setItem(key, mine);
    return asked;
  }, ME);
  assert.equal(other.data.me, null);
  assert.equal((await ways.fetch(one)).data.me.role, 'CUSTOMER');

  // What another origin may read of an answer beside its body.
  const id = await one.evaluate(async () => (await fetch(window.session.ENDPOINT, { method: 'POST' })).headers.get('X-Request-ID'));
  assert.match(id, /^[0-9a-f]+$/);

  // An origin that is not named learns nothing.
  const stranger = await open(`http://localhost:${port}`);
  const refused = await stranger.evaluate(() => window.session.ask('{ me { id } }').then(() => null, (error) => error.message));
  assert.equal(refused, 'Failed to fetch');
} finally {
  await context.close();
  rmSync(profile, { recursive: true, force: true });
  server.close();
}
