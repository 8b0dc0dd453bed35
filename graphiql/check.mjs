// Tries the page of a running server in a real browser: node check.mjs <endpoint URL> <folder for screenshots> [<email> <password>]
//
// Signs in as a customer (the demo's, unless one is named), runs an operation, completes a name, opens the documentation, uploads
// a photo, signs out; at a demo it runs every sample as it opens, for each group of users, and looks at three widths for what axe
// finds serious. Fails at the first thing that is not as it should be, and at any request to another host, any refusal by the
// page's policy and any other error in the console. CHROMIUM names the browser (default: /usr/bin/chromium).
import assert from 'node:assert/strict';
import axe from 'axe-core';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';

const [endpoint, shots, email, password] = process.argv.slice(2);
if (!shots) throw new Error('Usage: node check.mjs <endpoint URL> <folder for screenshots> [<email> <password>]');
mkdirSync(shots, { recursive: true });
const { origin, hostname } = new URL(endpoint);
const demo = await demoUsers();
const user = email ? { email, password } : demo?.customer;
assert.ok(user, 'the server has no demo users: name an email and a password');
const WIDTHS = { phone: [390, 844], tablet: [820, 1180], desk: [1440, 900] };

async function demoUsers() {
  const response = await fetch(`${endpoint}/demo.json`);
  return response.ok ? response.json() : null;
}

const profile = mkdtempSync(join(tmpdir(), 'graphiql-check-'));
const context = await chromium.launchPersistentContext(profile, {
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  headless: true,
  viewport: { width: 1440, height: 900 },
  args: [
    ...['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'],
    ...['--disable-background-networking', '--disable-component-update', '--disable-sync'],
    `--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE ${hostname}`, // a network without the internet
  ],
});
await context.grantPermissions(['clipboard-read', 'clipboard-write'], { origin });
const complaints = [];
context.on('request', (request) => {
  const { protocol, origin: to } = new URL(request.url());
  if (to !== origin && !['data:', 'blob:'].includes(protocol)) complaints.push(`a request to ${request.url()}`);
});
// Where the schema is kept for those who are signed in, the browser reports each refusal of it; no other 400 is expected.
let refusals = 0;
let reported = 0;
context.on('response', (response) => {
  if (response.status() === 400 && response.request().postData()?.includes('IntrospectionQuery')) refusals += 1;
});
context.on('console', (message) => {
  if (message.text().includes('status of 400')) reported += 1;
  else if (['error', 'warning'].includes(message.type())) complaints.push(`console: ${message.text()}`);
});
context.on('weberror', (error) => complaints.push(`uncaught: ${error.error().stack}`));

try {
  const page = context.pages()[0] ?? (await context.newPage());
  await check(page);
  assert.deepEqual(complaints, []);
  assert.equal(reported, refusals, 'answers of status 400, and refusals of the schema among them');
  console.log(`The page is well; screenshots are in ${shots}`);
} catch (error) {
  await context.pages()[0]?.screenshot({ path: join(shots, 'failed.png') }).catch(() => {});
  complaints.forEach((complaint) => console.error(complaint));
  throw error;
} finally {
  await context.close();
  rmSync(profile, { recursive: true, force: true });
}

async function check(page) {
  const shot = (name) => page.screenshot({ path: join(shots, `${name}.png`) });
  const identity = page.getByTestId('identity');
  const shown = async (selector) => (await page.locator(`${selector} .view-lines >> visible=true`).innerText()).replaceAll('\u00a0', ' ');
  const panel = page.locator('.crm-panel');

  /** Waits until an editor shows what it should; Monaco draws a moment after it is told. */
  async function shows(selector, expected) {
    const deadline = Date.now() + 30_000;
    let text;
    do {
      text = await shown(selector).catch(() => '');
      if (expected(text)) return;
      await page.waitForTimeout(100);
    } while (Date.now() < deadline);
    assert.fail(`${selector} shows: ${text}`);
  }

  const executors = new Set();
  // Of the demo: samples that go on until they are stopped, and those of which there may be nothing yet.
  const STREAMS = new Set(['Changes as they happen']);
  const MAY_BE_EMPTY = new Set(['Who still calls the legacy APIs', 'Duplicates', 'Imports', 'How far a job is']);
  // What is refused in words: nothing has been deleted yet, and both contacts have a login.
  const MAY_REFUSE = new Set(['Bring back what was deleted', 'Merge two contacts']);

  /** Presses the button, sees that a stream begins, and ends it by the same button. */
  async function listen() {
    const isStream = (response) => response.headers()['content-type']?.startsWith('text/event-stream');
    const execute = page.locator('.graphiql-execute-button');
    const [response] = await Promise.all([page.waitForResponse(isStream), execute.click({ timeout: 20_000 })]);
    assert.equal(response.status(), 200);
    await execute.click({ timeout: 20_000 });
  }

  /** Presses the button and returns the request and the answer, which the page must show too. */
  async function run() {
    const isAnswer = (response) => response.request().method() === 'POST' && !response.request().postData()?.includes('IntrospectionQuery');
    const execute = page.locator('.graphiql-execute-button');
    const [response] = await Promise.all([page.waitForResponse(isAnswer), execute.click({ timeout: 20_000 })]);
    const answer = await response.json();
    assert.equal(response.status(), 200, JSON.stringify(answer));
    assert.equal(answer.errors, undefined, JSON.stringify(answer.errors));
    const value = /"\w+":(?:"[^"]*"|null|\d+)/.exec(JSON.stringify(answer.data))?.[0] ?? '"data":{';
    // The editor breaks long lines wherever it likes.
    await shows('.graphiql-response', (text) => text.replace(/\s/g, '').includes(value.replace(/\s/g, '')));
    const executor = page.getByTestId('executor');
    // What the resolvers answer comes with why it was not compiled.
    assert.equal(/here because of: \S/.test(await executor.getAttribute('title')), (await executor.innerText()) === 'resolvers');
    executors.add(await executor.innerText());
    return { request: response.request(), data: answer.data };
  }

  const copied = async (label) => {
    await page.getByTestId(label).click();
    await page.locator(`[data-testid="${label}"][aria-label="Copied"]`).waitFor();
    return page.evaluate(() => navigator.clipboard.readText());
  };
  const sampleNamed = (title) => panel.locator('.crm-sample', { has: page.getByText(title, { exact: true }) });
  /** Opens a sample and waits until the editor shows it, variables filled. */
  async function openSample(title) {
    const tabs = page.locator('.graphiql-tab');
    const before = await tabs.count();
    await sampleNamed(title).click();
    await page.waitForFunction((count) => document.querySelectorAll('.graphiql-tab').length > count, before);
    await page.waitForTimeout(300);
  }
  async function schemaIsKept() {
    const body = JSON.stringify({ query: '{ __schema { queryType { name } } }' });
    const response = await fetch(endpoint, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
    return (await response.json()).errors?.[0].extensions.code === 'INTROSPECTION_DISABLED';
  }
  const titles = () => panel.locator('.crm-sample b').allInnerTexts();
  const settle = () => page.mouse.move(5, 895).then(() => page.waitForTimeout(600)); // tooltips go, transitions end

  // Anonymous.
  const { status, headers } = await page.goto(endpoint).then((answer) => ({ status: answer.status(), headers: answer.headers() }));
  assert.equal(status, 200);
  assert.match(headers['content-security-policy'], /default-src 'none'/);
  await page.locator('.graphiql-query-editor .view-line').first().waitFor();
  assert.equal(await identity.innerText(), 'anonymous');
  assert.deepEqual((await run()).data, { me: null });
  for (const [part, form] of Object.entries({ status: /^HTTP 200$/, time: /^\d+ ms$/, size: /^\d+ B$/, cost: /^cost \d+$/, executor: /^(compiled|resolvers)$/ })) {
    assert.match(await page.getByTestId(part).innerText(), form);
  }
  await shows('.graphiql-response', (text) => !text.includes('extensions')); // asked for by the page, shown below the answer
  assert.deepEqual(await titles(), ['Sign up', 'Log in', 'Request a password reset']);
  if (await schemaIsKept()) {
    await page.getByRole('button', { name: 'Show Documentation Explorer' }).click();
    await page.getByText('No schema to show: sign in to see it.').waitFor();
    await page.getByRole('button', { name: 'Show samples and sign-in' }).click();
  }
  await settle();
  await shot('1-anonymous');

  // Signed in: the token stands in the headers editor and goes with the operation.
  await panel.getByLabel('Email').fill(user.email);
  await panel.getByLabel('Password').fill(user.password);
  await panel.getByRole('button', { name: 'Sign in', exact: true }).click();
  await panel.getByRole('button', { name: 'Sign out' }).waitFor();
  assert.ok((await identity.innerText()).startsWith(user.email));
  await page.getByRole('button', { name: 'Headers' }).click();
  await openSample('Me');
  await shows('.graphiql-query-editor', (text) => text.includes('query Me'));
  await shows('.graphiql-editors .graphiql-editor-tool', (text) => text.includes('"Authorization": "Bearer '));
  const me = await run();
  assert.equal(me.data.me.email, user.email);
  assert.match(await me.request.headerValue('authorization'), /^Bearer \S+$/);
  await settle();
  await shot('2-signed-in');

  // The same operation as a line of curl, and as a link that opens it and runs nothing.
  const line = await copied('Copy as curl');
  assert.deepEqual(JSON.parse(execFileSync('sh', ['-c', line])).data, me.data);
  const link = await copied('Copy a link that opens this');
  for (const address of [link, link.replace('#', '?')]) {
    const opened = await context.newPage();
    const posts = [];
    opened.on('request', (request) => request.method() === 'POST' && posts.push(request.postDataJSON().operationName));
    await opened.goto(address);
    await opened.locator('.graphiql-query-editor', { hasText: 'query Me' }).waitFor();
    await opened.waitForTimeout(500);
    assert.deepEqual(posts.filter((name) => name !== 'IntrospectionQuery'), []);
    await opened.close();
  }

  // The query builder writes into the editor.
  await page.getByRole('button', { name: 'Show query builder' }).click();
  await page.locator('.graphiql-explorer-root').getByText('account', { exact: true }).first().click();
  await shows('.graphiql-query-editor', (text) => text.includes('account'));
  await settle();
  await shot('2b-builder');
  await page.getByRole('button', { name: 'Show samples and sign-in' }).click();

  // Completion comes from the schema, by way of the workers.
  await page.locator('.graphiql-query-editor .view-line').first().click();
  await page.keyboard.press('Control+A');
  await page.keyboard.type('{ me { ema');
  await page.keyboard.press('Control+Space');
  await page.locator('.suggest-widget .monaco-list-row', { hasText: 'email' }).first().waitFor();
  await shot('3-completion');
  await page.keyboard.press('Escape');
  const workers = page.workers().map((worker) => worker.url().slice(endpoint.length).replace(/-\w+\.js$/, ''));
  assert.deepEqual(workers.sort(), ['/assets/editor.worker', '/assets/graphql.worker', '/assets/json.worker']);

  // The documentation.
  await page.getByRole('button', { name: 'Show Documentation Explorer' }).click();
  const docs = page.locator('.graphiql-doc-explorer');
  await docs.getByText('Mutation', { exact: true }).click();
  await docs.getByText('uploadPhoto', { exact: true }).waitFor();
  await settle();
  await shot('4-documentation');
  await page.getByRole('button', { name: 'Show samples and sign-in' }).click();

  // A photo: the picture taken a moment ago, as multipart with the guard header.
  await panel.getByLabel('File', { exact: true }).setInputFiles(join(shots, '1-anonymous.png'));
  await openSample('Upload a photo');
  await shows('.graphiql-query-editor', (text) => text.includes('mutation UploadPhoto'));
  const { request, data } = await run();
  assert.match(await request.headerValue('content-type'), /^multipart\/form-data; boundary=/);
  assert.equal(await request.headerValue('graphql-preflight'), '1');
  assert.deepEqual(data.uploadPhoto.userErrors, []);
  assert.match(data.uploadPhoto.contact.photo.contentType, /^image\//);
  await settle();
  await shot('5-upload');

  // Panes scroll by themselves: one that is opened stands at its top, whatever the one before it.
  await panel.evaluate((pane) => pane.scrollTo(0, 400));
  await page.getByRole('button', { name: 'Show Documentation Explorer' }).click();
  assert.equal(await docs.evaluate((pane) => pane.scrollTop), 0);
  await page.getByRole('button', { name: 'Show samples and sign-in' }).click();

  // In the dark.
  await page.emulateMedia({ colorScheme: 'dark' });
  await page.locator('.graphiql-response .monaco-editor.vs-dark').waitFor();
  await settle();
  await shot('6-dark');
  await noneSerious('dark');
  await page.emulateMedia({ colorScheme: 'light' });

  // At three widths: everything is within the screen, and axe finds nothing serious.
  for (const [name, [width, height]] of Object.entries(WIDTHS)) {
    await page.setViewportSize({ width, height });
    await settle();
    await shot(`7-${name}`);
    await within(name, width);
    await noneSerious(name);
    if (name !== 'phone') continue;
    // A link that is followed in this tab shows its operation, though the panel was open.
    await page.goto(`${endpoint}?query=${encodeURIComponent('{ me { role } }')}`);
    await page.locator('.graphiql-query-editor', { hasText: 'role' }).waitFor();
    await shows('.graphiql-query-editor', (text) => text.trimEnd() === '{\n  me {\n    role\n  }\n}'); // it came on one line
    await page.waitForTimeout(2_000); // what is asked for at the start has been answered, and told in the console
    assert.equal(await panel.count(), 0);
    await page.goto(endpoint);
    await panel.waitFor();
    await openSample('Me'); // which lays the panel aside, for it covers the editors
    await panel.waitFor({ state: 'detached' });
    await run();
    await settle();
    const top = async (selector) => (await page.locator(selector).first().boundingBox()).y;
    const above = (await top('.graphiql-query-editor .view-line')) - (await top('.graphiql-editors'));
    assert.ok(above >= 0 && above < 40, `the operation stands ${above} px below the top of its editor`);
    assert.ok(await onScreen('.crm-measured', height), 'what the last answer was is out of sight');
    assert.ok(await onScreen('.graphiql-response .view-line', height), 'the answer is out of sight');
    await shot(`7-${name}-editors`);
    await within(name, width);
    await noneSerious(`${name}, editors`);
    await page.getByRole('button', { name: 'Show samples and sign-in' }).click();
  }

  /** Asserts that nothing reaches beyond the screen and no pane is too small to be used. */
  async function within(name, width) {
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), width, name);
    for (const selector of ['.graphiql-query-editor .graphiql-editor', '.graphiql-response .result-window']) {
      const box = await page.locator(selector).first().boundingBox();
      assert.ok(box.width >= 200 && box.height >= 100, `${name}: ${selector} has ${box.width} x ${box.height}`);
    }
  }

  /** Whether something can be seen without scrolling. */
  async function onScreen(selector, height) {
    const box = await page.locator(selector).first().boundingBox();
    return box.height > 0 && box.y >= 0 && box.y + box.height <= height;
  }

  async function noneSerious(name) {
    await page.evaluate(axe.source);
    const { violations } = await page.evaluate(() => axe.run({ resultTypes: ['violations'] }));
    const serious = violations.filter(({ impact }) => ['serious', 'critical'].includes(impact));
    const told = serious.map(({ id, nodes }) => `${id}: ${nodes.map(({ html, failureSummary }) => `${html.slice(0, 160)} ${failureSummary}`).join('; ')}`);
    assert.deepEqual(told, [], name);
  }

  // Signed out: the page is as new. No answer, operation, variable, history or file of whoever was here is left.
  await signOut();
  const left = await page.evaluate(() => JSON.stringify({ ...sessionStorage, ...localStorage }) + document.body.innerText);
  for (const word of [user.email, 'UploadPhoto', 'Bearer', 'updateProfile', 'contentType']) assert.ok(!left.includes(word), word);
  assert.equal(await page.locator('.graphiql-tab').count(), 1);
  const gone = await run();
  assert.deepEqual(gone.data, { me: null });
  assert.equal(await gone.request.headerValue('authorization'), null);
  await settle();
  await shot('8-signed-out');

  async function signOut() {
    await Promise.all([page.waitForEvent('load'), panel.getByRole('button', { name: 'Sign out' }).click()]);
    await panel.getByLabel('Email').waitFor();
    await page.locator('.graphiql-query-editor .view-line').first().waitFor();
    assert.equal(await identity.innerText(), 'anonymous');
  }

  // Every sample works as it opens, for whoever it is offered to.
  if (!demo) return;
  for (const who of [null, 'customer', 'staff']) {
    if (who) {
      await panel.getByRole('button', { name: `Sign in as ${who}` }).click();
      await panel.getByRole('button', { name: 'Sign out' }).waitFor();
    }
    const offered = await titles();
    assert.ok(offered.length >= 3, `${who ?? 'anonymous'}: ${offered}`);
    for (const title of offered) {
      await openSample(title);
      if (STREAMS.has(title)) {
        await listen();
        continue;
      }
      const { data: answered } = await run();
      const faults = Object.values(answered).flatMap((field) => field?.userErrors ?? []);
      if (MAY_REFUSE.has(title)) continue;
      assert.deepEqual(faults, [], `${title}: ${JSON.stringify(answered)}`);
      const [field] = Object.values(answered);
      if (MAY_BE_EMPTY.has(title)) continue;
      assert.ok(field !== null && field.nodes?.length !== 0 && field.edges?.length !== 0, `${title} answers nothing`);
    }
    await settle();
    await shot(`9-${who ?? 'anonymous'}`);
    if (who) await signOut();
  }
  assert.deepEqual([...executors].sort(), ['compiled', 'resolvers']);
}
