// Bundles the screen and serves it: node serve.mjs [endpoint] [port]
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import esbuild from "esbuild";

const [endpoint = "http://127.0.0.1:8000/graphql", port = "5173"] = process.argv.slice(2);
const { outputFiles } = await esbuild.build({
  absWorkingDir: import.meta.dirname,
  entryPoints: ["src/main.jsx"],
  bundle: true,
  format: "esm",
  jsx: "automatic",
  minify: true,
  define: { ENDPOINT: JSON.stringify(endpoint), "process.env.NODE_ENV": '"production"' },
  write: false,
});
const file = (name) => readFileSync(join(import.meta.dirname, name), "utf8");
const served = {
  "/": ["text/html", file("index.html")],
  "/style.css": ["text/css", file("style.css")],
  "/main.js": ["text/javascript", outputFiles[0].text],
};
createServer((request, response) => {
  const [type, text] = served[request.url] ?? ["text/plain", "There is no such page."];
  response.writeHead(served[request.url] ? 200 : 404, { "Content-Type": `${type}; charset=utf-8` }).end(text);
}).listen(Number(port), "127.0.0.1", () => console.log(`http://127.0.0.1:${port}/`));
