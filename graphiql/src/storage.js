// Where GraphiQL keeps its state. Only the look of the page outlives the browser tab: operations, variables and history
// may hold passwords and personal data, so they end with the tab.
const LASTING = new Set(['graphiql:theme', 'graphiql:docExplorerFlex', 'graphiql:editorFlex', 'graphiql:secondaryEditorFlex']);
const place = (key) => (LASTING.has(key) ? localStorage : sessionStorage);

let closed = false;

/** Forgets what one person did here, before the page is loaded anew for the next: nothing is kept from here on. */
export function forget() {
  storage.clear();
  closed = true;
}

export const storage = {
  getItem: (key) => place(key).getItem(key),
  setItem: (key, value) => closed || place(key).setItem(key, value),
  removeItem: (key) => place(key).removeItem(key),
  get length() {
    return sessionStorage.length;
  },
  clear() {
    for (const key of Object.keys(sessionStorage)) if (key.startsWith('graphiql:')) sessionStorage.removeItem(key);
  },
};
