// One POST to the endpoint, and readable words for whatever comes back.
export const endpoint = document.documentElement.dataset.endpoint;
const ACCEPT = 'application/graphql-response+json, application/json;q=0.9';

const failure = (message, extensions) => ({ errors: [{ message, ...(extensions && { extensions }) }] });

export function describeStatus(response) {
  const wait = response.headers.get('retry-after');
  return `HTTP ${response.status} ${response.statusText}`.trim() + (wait ? ` (retry after ${wait} s)` : '');
}

/** The GraphQL answer in a response; an answer of another kind becomes an error that quotes it. */
export async function readAnswer(response) {
  return answerIn(response, await response.text());
}

export function answerIn(response, text) {
  let body;
  try {
    body = JSON.parse(text);
  } catch {
    const excerpt = text.slice(0, 500).trim();
    return failure(`${describeStatus(response)}: the answer is not JSON${excerpt ? '' : ', it is empty'}`, {
      contentType: response.headers.get('content-type'),
      ...(excerpt && { body: excerpt }),
    });
  }
  if (body && typeof body === 'object' && ('data' in body || 'errors' in body)) return body;
  return failure(`${describeStatus(response)}: the answer is not a GraphQL result`, { body });
}

export async function post(body, headers = {}, signal) {
  const json = typeof body === 'string';
  return fetch(endpoint, {
    method: 'POST',
    credentials: 'same-origin',
    headers: { accept: ACCEPT, ...(json && { 'content-type': 'application/json' }), ...headers },
    body,
    signal,
  });
}

/** Runs one operation of the page's own (sign-in and the like). */
export async function execute(query, variables, headers) {
  try {
    return await readAnswer(await post(JSON.stringify({ query, variables }), headers));
  } catch (error) {
    return failure(`The server cannot be reached: ${error.message}`);
  }
}
