// Where GraphiQL keeps its state. Only the look of the page outlives the browser tab: operations, variables and history
// may hold passwords and personal data, so they end with the tab.
const LASTING = new Set(['graphiql:theme', 'graphiql:docExplorerFlex', 'graphiql:editorFlex', 'graphiql:secondaryEditorFlex']);
const place = (key) => (LASTING.has(key) ? localStorage : sessionStorage);

export const storage = {
  getItem: (key) => place(key).getItem(key),
  setItem: (key, value) => place(key).setItem(key, value),
  removeItem: (key) => place(key).removeItem(key),
  get length() {
    return sessionStorage.length;
  },
  clear() {
    for (const kept of [localStorage, sessionStorage]) {
      for (const key of Object.keys(kept)) if (key.startsWith('graphiql:')) kept.removeItem(key);
    }
  },
};
