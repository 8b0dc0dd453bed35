// Who is signed in. Tokens live in sessionStorage: they end with the browser tab and no other tab sees them.
import { createCell } from './store.js';
import { execute } from './http.js';
import { forget } from './storage.js';

const KEY = 'crmgraph:session';
const LAST_WORD = 'crmgraph:last-word'; // what is told after the page was loaded anew
const EARLY = 60_000; // an access token is renewed this many milliseconds before it runs out
const RETRY = 15_000;

const LOGIN = `mutation Login($email: EmailAddress!, $password: String!) {
  login(input: {email: $email, password: $password}) {
    accessToken refreshToken expiresAt viewer { id role } userErrors { code message path }
  }
}`;
const REFRESH = `mutation RefreshSession($refreshToken: String!) {
  refreshSession(input: {refreshToken: $refreshToken}) {
    accessToken refreshToken expiresAt viewer { id role } userErrors { code message path }
  }
}`;
const LOGOUT = 'mutation Logout { logout { userErrors { code message path } } }';

function restore() {
  try {
    return JSON.parse(sessionStorage.getItem(KEY));
  } catch {
    return null;
  }
}

export const session = createCell(restore());
export const notice = createCell(sessionStorage.getItem(LAST_WORD));
sessionStorage.removeItem(LAST_WORD);
const issued = new Set(session.get() ? [session.get().accessToken] : []);
let timer;
let refreshing = null;

export const authorization = () => (session.get() ? `Bearer ${session.get().accessToken}` : null);
/** Whether a header value is a token that this page was given, current or spent. */
export const isOurs = (value) => typeof value === 'string' && issued.has(value.replace(/^Bearer\s+/i, ''));

function keep(next) {
  if (next) {
    issued.add(next.accessToken);
    sessionStorage.setItem(KEY, JSON.stringify(next));
  } else {
    sessionStorage.removeItem(KEY);
  }
  session.set(next);
  schedule();
}

const expiry = () => Date.parse(session.get()?.expiresAt ?? '');

function schedule(delay) {
  clearTimeout(timer);
  const left = expiry() - Date.now() - EARLY;
  // Without a known end there is nothing to renew in time; a delay above 2^31 would fire at once.
  if (!Number.isNaN(left)) timer = setTimeout(refresh, delay ?? Math.min(Math.max(left, RETRY), 2 ** 31 - 1));
}

/** The payload of a mutation, or the first thing that went wrong as a message. */
function outcome(answer, field) {
  const payload = answer.data?.[field];
  const message = payload?.userErrors?.[0]?.message ?? answer.errors?.[0]?.message;
  if (message) return { message, refused: Boolean(payload?.userErrors?.length) };
  if (payload?.accessToken) return { payload };
  return { message: 'The server gave no token.', refused: true };
}

export async function signIn(email, password) {
  notice.set(null);
  const { payload, message } = outcome(await execute(LOGIN, { email, password }), 'login');
  if (!payload) {
    notice.set(message);
    return false;
  }
  keep({ email, role: payload.viewer?.role ?? null, ...tokens(payload) });
  return true;
}

const tokens = ({ accessToken, refreshToken, expiresAt }) => ({ accessToken, refreshToken, expiresAt });

/** Renews the session once, however many ask: a refresh token that is used twice ends the whole session. */
export function refresh() {
  refreshing ??= renew().finally(() => (refreshing = null));
  return refreshing;
}

async function renew() {
  const before = session.get();
  if (!before?.refreshToken) return;
  const answer = await execute(REFRESH, { refreshToken: before.refreshToken });
  if (session.get() !== before) return; // signed out, or in as somebody else, meanwhile
  const { payload, message, refused } = outcome(answer, 'refreshSession');
  if (payload) {
    keep({ ...before, role: payload.viewer?.role ?? before.role, ...tokens(payload) });
  } else if (refused || expiry() < Date.now()) {
    leave(`The session has ended: ${message}`);
  } else {
    schedule(RETRY);
  }
}

/** Waits for a fresh access token where the current one is about to run out. */
export async function ensureFresh() {
  if (session.get() && expiry() - Date.now() < EARLY / 2) await refresh();
}

export async function signOut() {
  const header = authorization();
  keep(null);
  const answer = header ? await execute(LOGOUT, {}, { authorization: header }) : {};
  const message = answer.errors?.[0]?.message ?? answer.data?.logout?.userErrors?.[0]?.message;
  leave(message ? `Signed out here, but the server says: ${message}` : null);
}

/** Loads the page anew with nothing of whoever was signed in: no answer, operation, variable or history. */
function leave(message) {
  keep(null);
  forget();
  if (message) sessionStorage.setItem(LAST_WORD, message);
  location.replace(location.pathname);
}

schedule();
