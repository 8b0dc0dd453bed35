// Imports an OpenAPI document as Postman does, runs every request by newman, and writes what was answered as JSON.
// Usage: node run.cjs <file>, which holds {document, words, headers, query, by_key, picture}.
const fs = require("node:fs");
const converter = require("openapi-to-postmanv2");
const newman = require("newman");

const given = JSON.parse(fs.readFileSync(process.argv[2], "utf-8"));

// Optional parameters and fields of forms that the document shows no value of are left out, as a person would.
for (const item of Object.values(given.document.paths)) {
  for (const operation of Object.values(item)) {
    operation.parameters = (operation.parameters ?? []).filter((each) => each.required || "example" in each);
    for (const [kind, { schema }] of Object.entries(operation.requestBody?.content ?? {})) {
      if (kind.includes("json")) continue;
      const kept = ([name, each]) => schema.required?.includes(name) || "example" in each;
      schema.properties = Object.fromEntries(Object.entries(schema.properties).filter(kept));
    }
  }
}

const requestsOf = (items) => items.flatMap((each) => (each.item ? requestsOf(each.item) : [each]));
const filled = (text) =>
  Object.entries(given.words).reduce((text, [word, value]) => text.replaceAll(`"${word}"`, JSON.stringify(value)), text);

const nameOf = (item) => `${item.request.method} /${item.request.url.path.join("/")}`.replace(/:(\w+)/g, "{$1}");

function prepared(item) {
  const request = item.request;
  const secured = given.secured.includes(nameOf(item));
  request.auth = { type: "noauth" };
  if (secured) {
    request.header = [...(request.header ?? []), ...Object.entries(given.headers).map(([key, value]) => ({ key, value }))];
    request.url.query = [...(request.url.query ?? []), ...Object.entries(given.query).map(([key, value]) => ({ key, value }))];
  }
  for (const [key, value] of Object.entries(given.by_key[nameOf(item)] ?? {})) request.header = [...(request.header ?? []), { key, value }];
  for (const field of request.body?.formdata ?? []) {
    if (field.type === "file") field.src = given.picture;
  }
  if (request.body?.raw) request.body.raw = filled(request.body.raw);
  for (const field of [...(request.body?.formdata ?? []), ...(request.body?.urlencoded ?? []), ...(request.url.variable ?? []), ...(request.url.query ?? [])]) {
    if (field.value in given.words) field.value = given.words[field.value];
  }
  return item;
}

converter.convertV2(
  { type: "json", data: given.document },
  { parametersResolution: "Example", folderStrategy: "Paths" },
  (fault, result) => {
    if (fault || !result.result) throw new Error(String(fault ?? result.reason));
    const collection = result.output[0].data;
    // In the order of the document, which ends with what ends a session.
    const items = requestsOf(collection.item).map((item) => [nameOf(item), prepared(item)]);
    collection.item = given.operations.map((name) => items.find(([known]) => known === name)?.[1]).filter(Boolean);
    delete collection.auth;
    newman.run({ collection, ignoreRedirects: true, timeoutRequest: 20000 }, (fault, summary) => {
      if (fault) throw fault;
      const answers = summary.run.executions.map((each) => ({
        method: each.request.method,
        url: each.request.url.getPath(),
        status: each.response?.code ?? null,
        type: each.response?.headers.get("content-type") ?? "",
        body: each.response?.stream?.toString("utf-8") ?? "",
        fault: each.requestError?.message ?? null,
      }));
      fs.writeFileSync(process.argv[3], JSON.stringify(answers));
    });
  },
);
