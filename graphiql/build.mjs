// Builds the page into the Python package: node build.mjs [output folder]. Same sources, same bytes.
import { build } from 'esbuild';
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const out = process.argv[2] ?? here('../src/crmgraph/graph/graphiql');
const assets = join(out, 'assets');
rmSync(assets, { recursive: true, force: true });
mkdirSync(assets, { recursive: true });

const hashed = (stem, extension, content) => {
  const hash = createHash('sha256').update(content).digest('hex').slice(0, 8).toUpperCase();
  const name = `${stem}-${hash}.${extension}`;
  writeFileSync(join(assets, name), content);
  return name;
};

/** Replaces text that must be there: an upgrade that moves it fails the build instead of losing the change. */
function replaced(text, pairs) {
  for (const [from, to] of pairs) {
    if (!text.includes(from)) throw new Error(`Not found any more: ${from}`);
    text = text.replaceAll(from, to);
  }
  return text;
}

// Workers: only those of the languages in use. They are modules, built together with the page, so that what two of them need
// (Monaco's base, graphql, prettier) is there once.
const WORKERS = {
  editor: 'node_modules/monaco-editor/esm/vs/editor/editor.worker.js',
  json: 'node_modules/monaco-editor/esm/vs/language/json/json.worker.js',
  graphql: 'node_modules/monaco-graphql/esm/graphql.worker.js',
};

// Parts of Monaco that no language here makes use of; the word highlighter would colour the first word of each sample.
const UNUSED = /contrib\/(codeAction|codelens|colorPicker|dropOrPasteInto|inlayHints|inlineCompletions|inlineEdits?|inlineProgress|linkedEditing|rename|sectionHeaders|semanticTokens|stickyScroll|wordHighlighter|diffEditorBreadcrumbs)\/|diffEditor\.contribution|suggestInlineCompletions/;

const adapt = {
  name: 'adapt',
  setup({ onLoad }) {
    onLoad({ filter: /monaco-editor\/esm\/vs\/editor\/editor\.all\.js$/ }, ({ path }) => ({
      contents: readFileSync(path, 'utf8').split('\n').filter((line) => !UNUSED.test(line)).join('\n'),
    }));
    // JSON is formatted by the parser that is there anyway, not by 500 KB of JavaScript formatter.
    onLoad({ filter: /@graphiql\/react\/dist\/utility\/jsonc\.js$/ }, ({ path }) => ({
      contents: `import { applyEdits, format } from 'jsonc-parser';
        async function formatJSONC(text) {
          return applyEdits(text, format(text, undefined, { tabSize: 2, insertSpaces: true }));
        }
        ${readFileSync(path, 'utf8').replace(/async function formatJSONC[\s\S]*?\n\}\n/, '')}`,
    }));
    // Monaco's style sheets are part of GraphiQL's, which is built below.
    onLoad({ filter: /monaco-editor\/esm\/.*\.css$/ }, () => ({ contents: '', loader: 'empty' }));
    // The schema is kept from those who are not signed in, where the server's settings say so.
    onLoad({ filter: /plugin-doc-explorer\/dist\/components\/doc-explorer\.js$/ }, ({ path }) => ({
      contents: replaced(readFileSync(path, 'utf8'), [['Error fetching schema', 'No schema to show: sign in to see it.']]),
    }));
    // Tabs are a list of buttons to assistive technology: a role of tab must not hold buttons, and these hold one to close.
    onLoad({ filter: /@graphiql\/react\/dist\/components\/tabs\/index\.js$/ }, ({ path }) => ({
      contents: replaced(readFileSync(path, 'utf8'), [
        ['"aria-selected": isActive, dragElastic: false, role: "tab"', '"aria-current": isActive, dragElastic: false'],
        ['axis: "x", role: "tablist"', 'axis: "x"'],
      ]),
    }));
    // Teal of Monaco's light theme, a little darker: it has to be read on light grey too.
    onLoad({ filter: /monaco-editor\/esm\/vs\/editor\/standalone\/common\/themes\.js$/ }, ({ path }) => ({
      contents: replaced(readFileSync(path, 'utf8'), [['008080', '006e6e']]),
    }));
    // The accent inside the editors, the same as around them (page.css).
    onLoad({ filter: /@graphiql\/react\/dist\/constants\.js$/ }, ({ path }) => ({
      contents: replaced(readFileSync(path, 'utf8'), [
        ['#ff5794', '#4fd8c2'],
        ['#d60590', '#0f766e'],
      ]),
    }));
  },
};
const { metafile } = await build({
  absWorkingDir: here('.'),
  entryPoints: [{ in: 'src/main.jsx', out: 'app' }, ...Object.values(WORKERS)],
  outdir: assets,
  entryNames: '[name]-[hash]',
  chunkNames: 'part-[hash]',
  assetNames: '[name]-[hash]',
  bundle: true,
  splitting: true,
  format: 'esm',
  target: ['es2022'],
  jsx: 'automatic',
  minify: true,
  charset: 'utf8',
  legalComments: 'none', // their texts are in LICENSES.txt
  metafile: true,
  alias: { 'prettier/parser-graphql': 'prettier/plugins/graphql' }, // the same module under its older name
  define: { 'process.env.NODE_ENV': '"production"', 'process.env': '{}' },
  plugins: [adapt],
});
const entries = Object.fromEntries(
  Object.entries(metafile.outputs)
    .filter(([, output]) => output.entryPoint)
    .map(([path, output]) => [output.entryPoint, basename(path)]),
);

// The style sheet. Fonts leave it for files, since the page's policy refuses data: there; of the text fonts only the upright
// Latin ones are kept, the rest is left to the reader's system.
let css = readFileSync(here('node_modules/graphiql/dist/style.css'), 'utf8').replace(/@font-face\s*\{[^}]*\}/g, (face) => {
  const family = /font-family:\s*["']?([^"';]+)/.exec(face)[1];
  const [match, extension, base64] = /url\(data:font\/(\w+);base64,([^)]+)\)/.exec(face) ?? [];
  if (!match) throw new Error(`A font of another form: ${face.slice(0, 200)}`);
  const latin = !face.includes('unicode-range') || face.includes('U+0000-00FF');
  if (!latin || /font-style:\s*italic/.test(face)) return '';
  const weight = /font-weight:\s*(\d+)/.exec(face)?.[1];
  const stem = [family, weight].filter(Boolean).join('-').toLowerCase().replaceAll(' ', '-');
  return face.replace(match, `url(./${hashed(stem, extension, Buffer.from(base64, 'base64'))})`);
});
for (const more of ['node_modules/@graphiql/plugin-explorer/dist/style.css', 'src/page.css']) css += readFileSync(here(more), 'utf8');
const { outputFiles } = await build({
  stdin: { contents: css, loader: 'css', resolveDir: assets },
  bundle: true,
  minify: true,
  write: false,
  external: ['./*'],
  target: ['chrome109', 'firefox115', 'safari16'],
  legalComments: 'none',
});
const page = replaced(readFileSync(here('src/index.html'), 'utf8'), [
  ['__JS__', entries['src/main.jsx']],
  ...Object.entries(WORKERS).map(([label, entry]) => [`__${label.toUpperCase()}_WORKER__`, entries[entry]]),
  ['__CSS__', hashed('app', 'css', outputFiles[0].text)],
  ['__ICON__', hashed('icon', 'svg', readFileSync(here('src/icon.svg')))],
]);
writeFileSync(join(out, 'index.html'), page);

// Whose work is inside, with their licences in full.
const packages = new Set(
  Object.keys(metafile.inputs).flatMap((input) => /^node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(input)?.[1] ?? []),
);
const rule = `\n${'-'.repeat(80)}\n`;
const parts = [...packages].sort().map((name) => {
  const folder = here(`node_modules/${name}`);
  const { version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const files = readdirSync(folder).filter((file) => /^licen[cs]e/i.test(file));
  const text = files.map((file) => readFileSync(join(folder, file), 'utf8').trim()).join('\n\n');
  return `${name} ${version} (${license})\n\n${text || 'The package carries no licence text of its own.'}`;
});
const head = readFileSync(here('src/licenses-head.txt'), 'utf8').trim();
writeFileSync(join(out, 'LICENSES.txt'), `${head}${rule}${parts.join(rule)}\n`.replace(/[ \t]+$/gm, ''));

for (const file of readdirSync(assets).sort()) {
  console.log(`${(readFileSync(join(assets, file)).length / 1024).toFixed(1).padStart(9)} KB  ${file}`);
}
