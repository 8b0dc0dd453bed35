// Tries examples/list-screen in Chromium as somebody who works with it would:
//   node screen.mjs <URL of the screen> <endpoint URL of a demo> <folder for pictures> <email> <password>
//
// Signs in, searches, hides a column, filters, sorts both ways, turns pages, edits with errors at their field, and is told who else
// has changed the record meanwhile. CHROMIUM names the browser (default: /usr/bin/chromium).
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { chromium } from 'playwright-core';

const [url, endpoint, pictures, email, password] = process.argv.slice(2);
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox'] });
const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
page.setDefaultTimeout(15_000);
const broken = [];
page.on('pageerror', (error) => broken.push(error.message));
page.on('console', (message) => message.type() === 'error' && broken.push(message.text()));
const shot = (name) => page.screenshot({ path: join(pictures, `list-screen-${name}.png`) });

async function ask(query, variables) {
  const headers = { 'Content-Type': 'application/json', ...(ask.token && { Authorization: `Bearer ${ask.token}` }) };
  const answer = await (await fetch(endpoint, { method: 'POST', headers, body: JSON.stringify({ query, variables }) })).json();
  assert.ok(!answer.errors, JSON.stringify(answer.errors));
  return answer.data;
}
const LOGIN = 'mutation($i: LoginInput!) { login(input: $i) { accessToken } }';
ask.token = (await ask(LOGIN, { i: { email, password } })).login.accessToken;
const listed = async (sort, direction = 'ASC', filter = {}) => {
  const query = `query($s: [ContactSort!], $f: ContactFilter) { contacts(first: 100, sort: $s, filter: $f) { nodes { displayName } } }`;
  return (await ask(query, { s: [{ field: sort, direction }], f: filter })).contacts.nodes.map(({ displayName }) => displayName);
};

const names = async () => (await page.locator('tbody tr td:first-child').allInnerTexts()).map((text) => text.split('\n')[0].trim());
async function shows(expected, what) {
  let found;
  for (let i = 0; i < 100; i++) {
    found = await names();
    if (JSON.stringify(found) === JSON.stringify(expected)) return;
    await page.waitForTimeout(100);
  }
  assert.deepEqual(found, expected, what);
}

await page.goto(url);
await page.getByLabel('Email').fill(email);
await page.getByLabel('Password').fill('wrong');
await page.getByRole('button', { name: 'Sign in' }).click();
await page.getByRole('alert').waitFor();
await page.getByLabel('Password').fill(password);
await page.getByRole('button', { name: 'Sign in' }).click();

// The list, its pages, both ways.
const all = await listed('FULL_NAME');
await shows(all.slice(0, 5), 'the first page');
await shot('list');
await page.getByRole('button', { name: 'Next' }).click();
await shows(all.slice(5, 10), 'the second page');
await page.getByRole('button', { name: 'Back' }).click();
await shows(all.slice(0, 5), 'the first page again');
assert.ok(await page.getByRole('button', { name: 'Back' }).isDisabled());

// Columns come and go.
await page.getByText('Columns').click();
await page.getByLabel('Job title').uncheck();
await page.locator('details').getByLabel('Changed').check();
assert.deepEqual(await page.locator('th').allInnerTexts(), ['Name', 'Account', 'Email', 'Phone', 'City', 'Category', 'Owner', 'Changed']);
await page.getByLabel('Job title').check();
await page.getByText('Columns').click();

// Every column that has a head sorts, from either end, and a page belongs to its sort.

for (const [head, field] of [['Email', 'EMAIL'], ['Phone', 'PHONE'], ['City', 'CITY'], ['Category', 'CATEGORY'], ['Owner', 'OWNER'],
  ['Job title', 'JOB_TITLE'], ['Account', 'ACCOUNT_NAME'], ['Changed', 'UPDATED_AT']]) {
  await page.getByRole('button', { name: head, exact: true }).click();
  await shows((await listed(field)).slice(0, 5), head);
  await page.getByRole('button', { name: head, exact: true }).click();
  const down = await listed(field, 'DESC');
  await shows(down.slice(0, 5), `${head}, down`);
  await page.getByRole('button', { name: 'Next' }).click();
  await shows(down.slice(5, 10), `${head}, down, the second page`);
}
await page.getByRole('button', { name: 'Name', exact: true }).click();
await shows(all.slice(0, 5), 'by name again');

// Filters, one and together.
const filters = page.locator('fieldset');
await page.getByLabel('with a phone').check();
await shows((await listed('FULL_NAME', 'ASC', { phone: { isNull: false } })).slice(0, 5), 'with a phone');
await page.getByRole('button', { name: 'All' }).click();
const owner = await filters.getByLabel('Owner').locator('option').nth(1).getAttribute('value');
await filters.getByLabel('Owner').selectOption(owner);
await filters.getByLabel('Changed').selectOption('P7D');
await shows((await listed('FULL_NAME', 'ASC', { owner: { eq: owner }, updatedAt: { ago: { from: 'P7D' } } })).slice(0, 5), 'of an owner');
await page.getByRole('button', { name: 'All' }).click();
await shows(all.slice(0, 5), 'all');

// The search box: half a name and half another.
const whole = all.find((name) => name.includes(' '));
const [one, other] = whole.split(' ').slice(-2);
await page.getByLabel('Search').fill(`${other.slice(0, 3)} ${one.slice(0, 3)}`);
await page.locator('mark').first().waitFor();
assert.ok((await names()).includes(whole), String(await names()));
await shot('search');
await page.getByLabel('Search').fill('');
await shows(all.slice(0, 5), 'without a search');

// Editing: what is wrong stands at its field, and what is right is kept and shown.
const row = page.locator('tbody tr').first();
await row.click();
const dialog = page.locator('dialog');
await dialog.locator('[name=lastName]').fill('');
await dialog.locator('[name=email]').fill('no address');
await dialog.getByRole('button', { name: 'Save' }).click();
const at = (name) => dialog.locator(`label:has([name=${name}]) [role=alert]`);
assert.match(await at('lastName').innerText(), /^Last name is required: give e\.g\. Curie/);
assert.match(await at('email').innerText(), /^Email is no email address, e\.g\. ada@example\.com/);
assert.equal(await dialog.locator('[aria-invalid=true]').count(), 2);
await shot('errors');
await dialog.locator('[name=lastName]').fill('Zuse');
await dialog.locator('[name=email]').fill('konrad@example.com');
await dialog.locator('[name=category]').fill('Engineers');
await dialog.getByRole('button', { name: 'Save' }).click();
await dialog.waitFor({ state: 'detached' });
const changed = (await ask('{ contacts(filter: {email: {eq: "konrad@example.com"}}) { nodes { id lastName category } } }')).contacts.nodes;
assert.deepEqual(changed.map(({ lastName, category }) => [lastName, category]), [['Zuse', 'Engineers']]);

// Somebody else is quicker: who, and what; ours goes over theirs when we say so.
await page.reload();
await page.getByLabel('Email').fill(email);
await page.getByLabel('Password').fill(password);
await page.getByRole('button', { name: 'Sign in' }).click();
await filters.getByLabel('Category').selectOption('Engineers');
await page.getByRole('cell', { name: 'konrad@example.com' }).click();
const CHANGE = 'mutation($i: UpdateContactInput!) { updateContact(input: $i) { userErrors { code } } }';
await ask(CHANGE, { i: { contact: { id: changed[0].id }, jobTitle: 'Professor' } });
await dialog.locator('[name=jobTitle]').fill('Builder');
await dialog.getByRole('button', { name: 'Save' }).click();
const told = dialog.locator('section');
assert.match(await told.innerText(), /jobTitle, .* is "Professor" now/);
await shot('stale');
await told.getByRole('button', { name: 'Save mine over it' }).click();
await dialog.waitFor({ state: 'detached' });
await page.getByRole('cell', { name: 'Builder' }).waitFor();

// What is deleted is listed for staff, and cannot be changed.
await ask('mutation($i: DeleteContactInput!) { deleteContact(input: $i) { userErrors { code } } }', { i: { contact: { id: changed[0].id } } });
await page.getByRole('button', { name: 'All' }).click();
await page.getByLabel('deleted').check();
await page.getByRole('cell', { name: 'konrad@example.com' }).waitFor();
await page.getByRole('cell', { name: 'konrad@example.com' }).click();
assert.equal(await dialog.count(), 0);
await shot('deleted');

assert.deepEqual(broken, []);
await browser.close();
