// An operation as a line of curl that any shell of the Bourne family takes, with the options that old versions know.
const quoted = (text) => `'${String(text).replaceAll("'", `'\\''`)}'`;

/**
 * @param {string} url the endpoint
 * @param {{query: string, variables?: object, operationName?: string}} request
 * @param {Record<string, string>} headers
 * @param {{name: string, parts: Record<string, string>} | null} file the chosen file's name and the parts of the multipart request
 */
export function curl(url, request, headers, file = null) {
  const lines = [`curl -sS ${quoted(url)}`];
  for (const [name, value] of Object.entries(headers)) lines.push(`-H ${quoted(`${name}: ${value}`)}`);
  if (file) {
    for (const [name, value] of Object.entries(file.parts)) lines.push(`--form-string ${quoted(`${name}=${value}`)}`);
    lines.push(`-F ${quoted(`0=@${file.name}`)}`);
  } else {
    lines.push(`-H 'content-type: application/json'`, `-d ${quoted(JSON.stringify(request))}`);
  }
  return lines.join(' \\\n  ');
}
