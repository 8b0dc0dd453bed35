// The page: GraphiQL with a panel for signing in, choosing a file and opening samples.
import { explorerPlugin } from '@graphiql/plugin-explorer';
import { HISTORY_PLUGIN } from '@graphiql/plugin-history';
import { ToolbarButton, useGraphiQL, useGraphiQLActions } from '@graphiql/react';
import { GraphiQL } from 'graphiql';
import { useEffect, useState } from 'react';
import { createRoot } from 'react-dom/client';
import { withAuthorization } from './authorization.js';
import { curlOf, fetcher } from './fetcher.js';
import { linkTo, operationOf } from './link.js';
import { measured, parts } from './measured.js';
import { covers, Panel, PanelIcon } from './panel.jsx';
import { authorization, session } from './session.js';
import { storage } from './storage.js';
import { useCell } from './store.js';

globalThis.MonacoEnvironment = {
  getWorker(_id, label) {
    const { editorWorker, jsonWorker, graphqlWorker } = document.documentElement.dataset; // names that the build wrote
    const file = { json: jsonWorker, graphql: graphqlWorker }[label] ?? editorWorker;
    return new Worker(new URL(file, import.meta.url), { name: label, type: 'module' });
  },
};

const PANEL = { title: 'samples and sign-in', icon: PanelIcon, content: Panel };
const BUILDER = { ...explorerPlugin({ showAttribution: false }), title: 'query builder' };
const PLUGINS = [PANEL, BUILDER, HISTORY_PLUGIN];
const LINKED = operationOf(location);
const WELCOME = `# Welcome to crmgraph.
#
# On the left: sign in, open samples;
# the book above holds the schema.
#
#   Ctrl-Enter    run
#   Ctrl-Space    complete
#   Shift-Ctrl-P  prettify

query Me {
  me {
    id
    email
    role
    contact {
      fullName
    }
  }
}
`;

/** Keeps the headers editor at the session: what stands there is what is sent. */
function useAuthorizationHeader() {
  const current = useCell(session);
  const headerEditor = useGraphiQL((state) => state.headerEditor);
  const tab = useGraphiQL((state) => state.tabs[state.activeTabIndex]?.id);
  const { introspect } = useGraphiQLActions();
  useEffect(() => {
    if (!headerEditor) return;
    const text = headerEditor.getValue();
    const next = withAuthorization(text, authorization());
    if (next !== text) headerEditor.setValue(next);
  }, [headerEditor, tab, current?.accessToken]);
  // A server may show its schema, or more of it, to those who are signed in.
  useEffect(() => session.subscribe(whenPersonChanges(introspect)), [introspect]);
}

function whenPersonChanges(act) {
  let before = session.get()?.email;
  return () => {
    const now = session.get()?.email;
    if (now !== before) act();
    before = now;
  };
}

/** GraphiQL follows the system between light and dark in its style sheet alone; the editors must be told. */
function useSystemTheme() {
  const theme = useGraphiQL((state) => state.theme);
  const { setTheme } = useGraphiQLActions();
  useEffect(() => {
    const dark = matchMedia('(prefers-color-scheme: dark)');
    const follow = () => setTheme(theme);
    dark.addEventListener('change', follow);
    return () => dark.removeEventListener('change', follow);
  }, [theme, setTheme]);
}

function Identity() {
  useAuthorizationHeader();
  useSystemTheme();
  const current = useCell(session);
  return (
    <span className="crm-identity" data-testid="identity">
      {current ? (
        <>
          {current.email} {current.role && <b className="crm-role">{current.role}</b>}
        </>
      ) : (
        'anonymous'
      )}
    </span>
  );
}

function CopyButton({ label, text, children }) {
  const [said, setSaid] = useState(null);
  async function copy() {
    const done = await navigator.clipboard.writeText(text()).then(() => 'Copied', (error) => `Not copied: ${error.message}`);
    setSaid(done);
    setTimeout(() => setSaid(null), 2_000);
  }
  return (
    <ToolbarButton onClick={copy} label={said ?? label} data-testid={label}>
      {children}
    </ToolbarButton>
  );
}

const stroke = { viewBox: '0 0 24 24', fill: 'none', stroke: 'currentColor', strokeWidth: 1.5, strokeLinecap: 'round' };

function Toolbar({ prettify, merge, copy }) {
  const editors = useGraphiQL((state) => state);
  const value = (editor) => editors[editor]?.getValue() ?? '';
  const json = (text) => {
    try {
      return JSON.parse(text);
    } catch {
      return undefined;
    }
  };
  const asCurl = () =>
    curlOf(
      { query: value('queryEditor'), variables: json(value('variableEditor')), operationName: editors.operationName },
      json(value('headerEditor')),
    );
  const asLink = () => linkTo(location, { query: value('queryEditor'), variables: value('variableEditor') });
  return (
    <>
      {prettify}
      {merge}
      {copy}
      <CopyButton label="Copy as curl" text={asCurl}>
        <svg className="graphiql-toolbar-icon" aria-hidden="true" {...stroke}>
          <path d="M4 6l5 6-5 6M12 19h8" />
        </svg>
      </CopyButton>
      <CopyButton label="Copy a link that opens this" text={asLink}>
        <svg className="graphiql-toolbar-icon" aria-hidden="true" {...stroke}>
          <path d="M10 14a4 4 0 0 0 6 .4l3-3a4 4 0 0 0-5.700-5.700l-1.300 1.300M14 10a4 4 0 0 0-6-.4l-3 3a4 4 0 0 0 5.700 5.700l1.300-1.300" />
        </svg>
      </CopyButton>
    </>
  );
}

function Measured() {
  const last = useCell(measured);
  useEffect(() => {
    if (last && covers()) document.querySelector('.graphiql-response')?.scrollIntoView({ block: 'end' });
  }, [last]);
  return (
    <p className="crm-measured" role="status" aria-label="The last answer">
      {last
        ? parts(last).map(([name, text, meaning]) => (
            <span key={name} title={meaning} data-testid={name}>
              {text}
            </span>
          ))
        : ' '}
    </p>
  );
}

// On a phone a link is to show its operation: not the plugin over it that was open in this tab before, which GraphiQL would restore.
if (LINKED && covers()) storage.removeItem('graphiql:visiblePlugin');

createRoot(document.getElementById('graphiql')).render(
  <GraphiQL
    fetcher={fetcher}
    storage={storage}
    plugins={PLUGINS}
    visiblePlugin={LINKED && covers() ? null : PANEL}
    defaultQuery={WELCOME}
    initialQuery={LINKED?.query}
    initialVariables={LINKED?.variables}
    defaultHeaders={withAuthorization('', authorization())}
    defaultEditorToolsVisibility
    shouldPersistHeaders={false}
    showPersistHeadersSettings={false}
    inputValueDeprecation
    schemaDescription
  >
    <GraphiQL.Logo>
      <Identity />
      <strong className="crm-name">crmgraph</strong>
    </GraphiQL.Logo>
    <GraphiQL.Toolbar>{(buttons) => <Toolbar {...buttons} />}</GraphiQL.Toolbar>
    <GraphiQL.Footer>
      <Measured />
    </GraphiQL.Footer>
  </GraphiQL>,
);
