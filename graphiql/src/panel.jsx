// The panel beside the editors: account, file, samples.
import { Button, useGraphiQL, useGraphiQLActions } from '@graphiql/react';
import { useEffect, useId, useState } from 'react';
import { endpoint } from './http.js';
import { groupFor, variablesOf } from './samples.js';
import { notice, session, signIn, signOut } from './session.js';
import { useCell } from './store.js';
import { upload } from './upload.js';

const FOR = {
  anonymous: 'For anybody. Sign in for more: customers and staff have their own.',
  customer: 'For a customer: your own records.',
  staff: 'For staff: every record.',
};

/** The users that a demo offers, asked for once; null elsewhere, where asking would leave a 404 in the console. */
const demoUsers = document.documentElement.dataset.demo === 'true' ? getJson('/demo.json').catch(() => null) : Promise.resolve(null);

export function PanelIcon(props) {
  return (
    <svg viewBox="0 0 24 24" fill="none" stroke="currentColor" strokeWidth="1.5" strokeLinecap="round" {...props}>
      <circle cx="8" cy="8" r="3.2" />
      <path d="M2.5 19c.4-3.6 2.6-5.4 5.5-5.4s5.1 1.8 5.5 5.4M16 6h5.5M16 11h5.5M17.5 16h4" />
    </svg>
  );
}

/** Whether the screen is so narrow that this panel lies over the editors (page.css). */
export const covers = () => matchMedia('(max-width: 600px)').matches;

async function getJson(path) {
  const response = await fetch(endpoint + path, { credentials: 'same-origin', headers: { accept: 'application/json' } });
  if (!response.ok) throw new Error(`HTTP ${response.status} ${response.statusText}`.trim());
  return response.json();
}

export function Panel() {
  return (
    <div className="crm-panel">
      <h2>crmgraph</h2>
      <Account />
      <FileChooser />
      <Samples />
    </div>
  );
}

function Account() {
  const current = useCell(session);
  const message = useCell(notice);
  return (
    <section aria-label="Account">
      <h3>Account</h3>
      {current ? <SignedIn current={current} /> : <SignIn />}
      <p role="alert" className="crm-alert">
        {message}
      </p>
    </section>
  );
}

function SignedIn({ current }) {
  return (
    <div className="crm-row">
      <span className="crm-grow">
        Signed in as <b>{current.email}</b>
        {current.role && ` (${current.role})`}. Requests carry the token shown under Headers; <code>{'{}'}</code> there sends
        none.
      </span>
      <Button type="button" onClick={signOut}>
        Sign out
      </Button>
    </div>
  );
}

function SignIn() {
  const [email, setEmail] = useState('');
  const [password, setPassword] = useState('');
  const [busy, setBusy] = useState(false);
  const [demo, setDemo] = useState(null);
  const id = useId();

  useEffect(() => {
    demoUsers.then(setDemo);
  }, []);

  async function enter(user) {
    setBusy(true);
    await signIn(user.email, user.password);
    setBusy(false);
  }

  return (
    <>
      <form
        className="crm-form"
        aria-label="Sign in"
        onSubmit={(event) => {
          event.preventDefault();
          enter({ email, password });
        }}
      >
        <label htmlFor={`${id}email`}>Email</label>
        <input
          id={`${id}email`}
          type="email"
          autoComplete="username"
          required
          value={email}
          onChange={(event) => setEmail(event.target.value)}
        />
        <label htmlFor={`${id}password`}>Password</label>
        <input
          id={`${id}password`}
          type="password"
          autoComplete="current-password"
          required
          value={password}
          onChange={(event) => setPassword(event.target.value)}
        />
        <Button type="submit" disabled={busy}>
          {busy ? 'Signing in …' : 'Sign in'}
        </Button>
      </form>
      {demo && (
        <div className="crm-row crm-demo">
          {Object.entries(demo).map(([who, user]) => (
            <Button key={who} type="button" disabled={busy} title={user.email} onClick={() => enter(user)}>
              Sign in as {who}
            </Button>
          ))}
        </div>
      )}
    </>
  );
}

function FileChooser() {
  const { file, variable } = useCell(upload);
  const id = useId();
  return (
    <section aria-label="File to upload">
      <h3>File to upload</h3>
      <p className="crm-hint">
        Sent with each operation that has a variable of type Upload, until it is removed. Without one, a sample picture is.
      </p>
      <div className="crm-form">
        <label htmlFor={`${id}file`}>File</label>
        <span className="crm-row">
          <input
            // A new key empties the chooser: its value cannot be set.
            key={file ? 'chosen' : 'empty'}
            id={`${id}file`}
            type="file"
            hidden={Boolean(file)}
            onChange={(event) => upload.set({ ...upload.get(), file: event.target.files[0] ?? null })}
          />
          {file && (
            <>
              <span className="crm-grow crm-file" data-testid="chosen-file">
                {file.name} <small>{Math.max(1, Math.round(file.size / 1024))} KB</small>
              </span>
              <Button type="button" onClick={() => upload.set({ ...upload.get(), file: null })}>
                Remove
              </Button>
            </>
          )}
        </span>
        <label htmlFor={`${id}variable`}>Variable</label>
        <input
          id={`${id}variable`}
          type="text"
          spellCheck={false}
          value={variable}
          onChange={(event) => upload.set({ ...upload.get(), variable: event.target.value })}
        />
      </div>
    </section>
  );
}

function Samples() {
  const [samples, setSamples] = useState([]);
  const [error, setError] = useState(null);
  const group = groupFor(useCell(session));
  const open = useOpenSample();
  useEffect(() => {
    getJson('/assets/samples.json').then(setSamples, (failure) => setError(failure.message));
  }, []);
  return (
    <section aria-label="Samples">
      <h3>Samples</h3>
      <p className="crm-hint">{FOR[group]} Each opens in a tab of its own.</p>
      {error && <p className="crm-alert">The samples cannot be loaded: {error}</p>}
      <ul>
        {samples
          .filter((sample) => sample.group === group)
          .map((sample) => (
            <li key={sample.title}>
              <button type="button" className="crm-sample" onClick={() => open(sample)}>
                <b>{sample.title}</b>
                <span>{sample.description}</span>
              </button>
            </li>
          ))}
      </ul>
    </section>
  );
}

function useOpenSample() {
  const { addTab, setVisiblePlugin } = useGraphiQLActions();
  const queryEditor = useGraphiQL((state) => state.queryEditor);
  const variableEditor = useGraphiQL((state) => state.variableEditor);
  return async (sample) => {
    const variables = await variablesOf(sample, await demoUsers);
    addTab();
    queryEditor?.setValue(sample.query);
    variableEditor?.setValue(Object.keys(variables).length ? JSON.stringify(variables, null, 2) : '');
    if (covers()) setVisiblePlugin(null);
    queryEditor?.focus();
  };
}
