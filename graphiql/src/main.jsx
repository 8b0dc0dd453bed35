// The page: GraphiQL with a panel for signing in, choosing a file and opening samples.
import { HISTORY_PLUGIN } from '@graphiql/plugin-history';
import { useGraphiQL, useGraphiQLActions } from '@graphiql/react';
import { GraphiQL } from 'graphiql';
import { useEffect } from 'react';
import { createRoot } from 'react-dom/client';
import { withAuthorization } from './authorization.js';
import { fetcher } from './fetcher.js';
import { Panel, PanelIcon } from './panel.jsx';
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
const PLUGINS = [PANEL, HISTORY_PLUGIN];
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

createRoot(document.getElementById('graphiql')).render(
  <GraphiQL
    fetcher={fetcher}
    storage={storage}
    plugins={PLUGINS}
    visiblePlugin={PANEL}
    defaultQuery={WELCOME}
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
  </GraphiQL>,
);
