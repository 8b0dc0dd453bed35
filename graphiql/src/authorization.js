// The Authorization line of the headers editor.
import { isOurs } from './session.js';

const print = (headers) => (Object.keys(headers).length ? JSON.stringify(headers, null, 2) : '');

/**
 * The text of the headers editor for the current session: an empty editor gets the header, a token of ours is replaced or
 * taken out, and whatever the user wrote otherwise stays (`{}` is how one runs an operation anonymously).
 */
export function withAuthorization(text, current) {
  if (!text.trim()) return current ? print({ Authorization: current }) : text;
  let headers;
  try {
    headers = JSON.parse(text);
  } catch {
    return text;
  }
  const name = Object.keys(headers).find((key) => key.toLowerCase() === 'authorization');
  if (!name || !isOurs(headers[name]) || headers[name] === current) return text;
  if (current) return print({ ...headers, [name]: current });
  delete headers[name];
  return print(headers);
}
