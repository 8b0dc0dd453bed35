// The file chosen in the panel, and the multipart request that carries it (the GraphQL multipart request specification).
import { createCell } from './store.js';

export const upload = createCell({ file: null, variable: 'photo' });

const namedType = (type) => (type.kind === 'NamedType' ? type.name.value : namedType(type.type));
const isList = (type) => type.kind === 'ListType' || (type.kind === 'NonNullType' && isList(type.type));

/**
 * The path under `variables` at which an operation takes the chosen file, or null if it takes none. The name in the panel
 * counts (dots lead into an input object); an operation with a single Upload variable gets the file under that name.
 */
export function uploadPath(operation, name) {
  const definitions = operation?.variableDefinitions ?? [];
  const uploads = definitions.filter((definition) => namedType(definition.type) === 'Upload');
  const path = name.trim().split('.');
  if (path.length > 1) return definitions.some((definition) => definition.variable.name.value === path[0]) ? path : null;
  const named = uploads.find((definition) => definition.variable.name.value === path[0]);
  const chosen = named ?? (uploads.length === 1 ? uploads[0] : null);
  return chosen && [chosen.variable.name.value, ...(isList(chosen.type) ? ['0'] : [])];
}

export function multipart(request, path, file) {
  const variables = structuredClone(request.variables ?? {});
  let at = variables;
  path.forEach((key, depth) => {
    if (depth === path.length - 1) at[key] = null;
    else at = at[key] ??= path[depth + 1] === '0' ? [] : {};
  });
  const form = new FormData();
  form.set('operations', JSON.stringify({ ...request, variables }));
  form.set('map', JSON.stringify({ 0: [['variables', ...path].join('.')] }));
  if (file) form.set('0', file, file.name);
  return form;
}

/** What the server asks of a multipart request: a header that a form on another site cannot send. */
export const GUARD = { 'graphql-preflight': '1' };
