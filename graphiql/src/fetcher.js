// How GraphiQL runs an operation: POST as JSON, as multipart with a chosen file, or as an event stream.
import { parse } from 'graphql';
import { curl } from './curl.js';
import { answerIn, describeStatus, endpoint, post, readAnswer } from './http.js';
import { ASK_COST, measured, takeCost } from './measured.js';
import { samplePicture } from './samples.js';
import { authorization, ensureFresh, isOurs, session } from './session.js';
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

/** What is sent for an operation: the request, its headers, and the place of a file in its variables. */
function requestOf(params, given, introspecting) {
  const { operation, operationName } = chooseOperation(params.query, params.operationName);
  const request = { query: params.query, variables: params.variables, operationName: operationName ?? undefined };
  const path = uploadPath(operation, upload.get().variable);
  return { operation, request, headers: { ...prepareHeaders(given, introspecting), ...(path && GUARD) }, path };
}

export async function fetcher(params, options = {}) {
  await ensureFresh();
  const introspecting = params.operationName === 'IntrospectionQuery';
  const { operation, request, headers, path } = requestOf(params, options.headers, introspecting);
  if (operation?.operation === 'subscription') return stream(request, headers);
  if (introspecting) return schemaIn(await send(JSON.stringify(request), headers));

  if (path && !upload.get().file) upload.set({ ...upload.get(), file: await samplePicture() });
  const body = path ? multipart(request, path, upload.get().file) : JSON.stringify(request);
  measured.set(null);
  const before = performance.now();
  const response = await send(body, { ...ASK_COST, ...headers });
  const text = await response.text();
  const milliseconds = performance.now() - before;
  const answer = answerIn(response, text);
  const taken = takeCost(answer, Object.keys(ASK_COST)[0] in headers);
  measured.set({ status: response.status, milliseconds, bytes: new Blob([text]).size, ...taken });
  return answer;
}

/** An answer to introspection; where the schema is for those who are signed in, it says so. */
async function schemaIn(response) {
  const answer = await readAnswer(response);
  if (answer.errors?.[0]?.extensions?.code === 'INTROSPECTION_DISABLED' && !session.get()) {
    answer.errors[0].message = 'Sign in to see the schema: it is shown to those who are signed in.';
  }
  return answer;
}

/** The operation as a line of curl, with the token that stands under Headers. */
export function curlOf(params, headers) {
  const { request, headers: sent, path } = requestOf(params, headers, false);
  const file = path && { name: upload.get().file?.name ?? 'photo.png', parts: Object.fromEntries(multipart(request, path, null)) };
  return curl(new URL(endpoint, location.href).href, request, sent, file);
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
