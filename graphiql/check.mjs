// Tries the page of a running server in a real browser: node check.mjs <endpoint URL> <folder for screenshots> [<email> <password>]
//
// Signs in as a customer (the demo's, unless one is named), runs an operation, completes a name, opens the documentation, uploads
// a photo, signs out. Fails at the first thing that is not as it should be, and at any request to another host, any refusal by
// the page's policy and any other error in the console. CHROMIUM names the browser (default: /usr/bin/chromium).
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';

const [endpoint, shots, email, password] = process.argv.slice(2);
if (!shots) throw new Error('Usage: node check.mjs <endpoint URL> <folder for screenshots> [<email> <password>]');
mkdirSync(shots, { recursive: true });
const { origin, hostname } = new URL(endpoint);
const user = email ? { email, password } : await demoCustomer();

async function demoCustomer() {
  const response = await fetch(`${endpoint}/demo.json`);
  assert.equal(response.status, 200, 'the server has no demo users: name an email and a password');
  return (await response.json()).customer;
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
const complaints = [];
context.on('request', (request) => {
  const { protocol, origin: to } = new URL(request.url());
  if (to !== origin && !['data:', 'blob:'].includes(protocol)) complaints.push(`a request to ${request.url()}`);
});
context.on('console', (message) => {
  if (['error', 'warning'].includes(message.type())) complaints.push(`console: ${message.text()}`);
});
context.on('weberror', (error) => complaints.push(`uncaught: ${error.error().stack}`));

try {
  const page = context.pages()[0] ?? (await context.newPage());
  await check(page);
  assert.deepEqual(complaints, []);
  console.log(`The page is well; screenshots are in ${shots}`);
} catch (error) {
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
    const deadline = Date.now() + 10_000;
    let text;
    do {
      text = await shown(selector).catch(() => '');
      if (expected(text)) return;
      await page.waitForTimeout(100);
    } while (Date.now() < deadline);
    assert.fail(`${selector} shows: ${text}`);
  }

  /** Presses the button and returns the request and the answer, which the page must show too. */
  async function run() {
    const answered = page.waitForResponse((response) => response.request().method() === 'POST');
    await page.locator('.graphiql-execute-button').click();
    const response = await answered;
    const answer = await response.json();
    assert.equal(response.status(), 200, JSON.stringify(answer));
    assert.equal(answer.errors, undefined, JSON.stringify(answer.errors));
    const value = /"\w+":(?:"[^"]*"|null|\d+)/.exec(JSON.stringify(answer))?.[0];
    // The editor breaks long lines wherever it likes.
    await shows('.graphiql-response', (text) => text.replace(/\s/g, '').includes(value.replace(/\s/g, '')));
    return { request: response.request(), data: answer.data };
  }

  const openSample = (title) => panel.locator('.crm-sample', { has: page.getByText(title, { exact: true }) }).click();
  const settle = () => page.mouse.move(5, 895).then(() => page.waitForTimeout(600)); // tooltips go, transitions end

  // Anonymous.
  const { status, headers } = await page.goto(endpoint).then((answer) => ({ status: answer.status(), headers: answer.headers() }));
  assert.equal(status, 200);
  assert.match(headers['content-security-policy'], /default-src 'none'/);
  await page.locator('.graphiql-query-editor .view-line').first().waitFor();
  assert.equal(await identity.innerText(), 'anonymous');
  assert.deepEqual((await run()).data, { me: null });
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

  // In the dark, and on a narrow screen.
  await page.emulateMedia({ colorScheme: 'dark' });
  await page.locator('.graphiql-response .monaco-editor.vs-dark').waitFor();
  await settle();
  await shot('6-dark');
  await page.emulateMedia({ colorScheme: 'light' });
  await page.setViewportSize({ width: 800, height: 900 });
  await settle();
  await shot('7-narrow');
  await page.setViewportSize({ width: 1440, height: 900 });

  // Signed out: the token is gone from the editor and from the requests.
  await panel.getByRole('button', { name: 'Sign out' }).click();
  await panel.getByLabel('Email').waitFor();
  assert.equal(await identity.innerText(), 'anonymous');
  await openSample('Me');
  await shows('.graphiql-editors .graphiql-editor-tool', (text) => !text.includes('Authorization'));
  const gone = await run();
  assert.deepEqual(gone.data, { me: null });
  assert.equal(await gone.request.headerValue('authorization'), null);
  await settle();
  await shot('8-signed-out');
}
