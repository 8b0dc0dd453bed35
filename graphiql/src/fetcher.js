// How GraphiQL runs an operation: POST as JSON, as multipart with a chosen file, or as an event stream.
import { parse } from 'graphql';
import { describeStatus, post, readAnswer } from './http.js';
import { authorization, ensureFresh, isOurs } from './session.js';
import { GUARD, multipart, upload, uploadPath } from './upload.js';

/** The operation that is meant; the editor may still name the one that stood there a moment ago. */
function chooseOperation(query, operationName) {
  let operations;
  try {
    operations = parse(query).definitions.filter((definition) => definition.kind === 'OperationDefinition');
  } catch {
    return { operationName }; // the server explains syntax errors
  }
  const named = operations.find((operation) => operation.name?.value === operationName);
  const operation = named ?? (operations.length === 1 ? operations[0] : undefined);
  return { operation, operationName: operation ? operation.name?.value : operationName };
}

/** The headers of the editor. A spent token of ours is replaced; one that was taken out stays out. */
function prepareHeaders(given, introspecting) {
  const headers = Object.fromEntries(Object.entries(given ?? {}).map(([name, value]) => [name.toLowerCase(), String(value)]));
  const current = authorization();
  if (isOurs(headers.authorization) || (introspecting && !('authorization' in headers))) {
    if (current) headers.authorization = current;
    else delete headers.authorization;
  }
  return headers;
}

export async function fetcher(params, options = {}) {
  await ensureFresh();
  const { operation, operationName } = chooseOperation(params.query, params.operationName);
  const request = { query: params.query, variables: params.variables, operationName: operationName ?? undefined };
  const headers = prepareHeaders(options.headers, params.operationName === 'IntrospectionQuery');
  if (operation?.operation === 'subscription') return stream(request, headers);

  const { file, variable } = upload.get();
  const path = file && uploadPath(operation, variable);
  const response = path
    ? await send(multipart(request, path, file), { ...headers, ...GUARD })
    : await send(JSON.stringify(request), headers);
  return readAnswer(response);
}

async function send(body, headers, signal) {
  try {
    return await post(body, headers, signal);
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new Error(`The server cannot be reached: ${error.message}`);
  }
}

/** A subscription as server-sent events: `next` carries a result, `complete` ends. */
function stream(request, headers) {
  return {
    subscribe(observer) {
      const abort = new AbortController();
      run(observer, abort.signal).catch((error) => abort.signal.aborted || observer.error(error));
      return { unsubscribe: () => abort.abort() };
    },
  };

  async function run(observer, signal) {
    const response = await send(JSON.stringify(request), { ...headers, accept: 'text/event-stream, application/json;q=0.5' }, signal);
    if (!response.headers.get('content-type')?.startsWith('text/event-stream')) {
      observer.next(await readAnswer(response));
      return observer.complete();
    }
    if (!response.ok) throw new Error(describeStatus(response));
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = '';
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return observer.complete();
      const blocks = (rest + value).split(/\r?\n\r?\n/);
      rest = blocks.pop();
      for (const { event, data } of blocks.map(readEvent)) {
        if (event === 'complete') return observer.complete();
        if (data && (event === 'next' || event === 'message')) observer.next(JSON.parse(data));
      }
    }
  }
}

function readEvent(block) {
  const fields = { event: 'message', data: '' };
  for (const line of block.split(/\r?\n/)) {
    const [, name, value] = /^(event|data): ?(.*)$/.exec(line) ?? [];
    if (name === 'event') fields.event = value;
    if (name === 'data') fields.data += (fields.data && '\n') + value;
  }
  return fields;
}
