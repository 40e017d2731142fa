// Makes the page out of source/ and node_modules/: `node bundle.mjs FOLDER`, in a folder of its own.
// What is in a file is in its name, so that browsers may keep it for good. Files are compressed here, once.
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const folder = process.argv[2];
const common = {
  bundle: true,
  write: false,
  minify: true,
  metafile: true,
  outdir: "/page",
  charset: "utf8",
  target: "es2022",
  legalComments: "none", // the texts of all licences are in licenses.txt
  entryNames: "[name]-[hash]",
  chunkNames: "part-[hash]",
  assetNames: "[name]-[hash]",
  define: { "process.env.NODE_ENV": '"production"' },
  logLevel: "warning",
};

const workers = await build({
  ...common,
  format: "iife",
  entryPoints: {
    editor: "monaco-editor/esm/vs/editor/editor.worker.js",
    json: "monaco-editor/esm/vs/language/json/json.worker.js",
    graphql: "monaco-graphql/esm/graphql.worker.js",
  },
});
const page = await build({
  ...common,
  format: "esm",
  splitting: true,
  jsx: "automatic",
  entryPoints: { page: "source/main.jsx" },
  loader: { ".ttf": "file" },
  define: { ...common.define, WORKERS: JSON.stringify(workersByName(workers)) },
});

mkdirSync(folder, { recursive: true });
for (const file of [...workers.outputFiles, ...page.outputFiles])
  writeFileSync(join(folder, `${nameOf(file.path)}.gz`), gzipSync(file.contents, { level: 9 }));
writeFileSync(join(folder, "index.html"), html(outputs(page)));
writeFileSync(join(folder, "licenses.txt"), licences([workers, page]));

function nameOf(path) {
  return path.split(/[/\\]/).at(-1);
}

/** Every output of a build: its name, what it was made from, and the styles that belong to it. */
function outputs(made) {
  return Object.entries(made.metafile.outputs).map(([path, { entryPoint, cssBundle }]) => ({
    name: nameOf(path),
    entry: entryPoint,
    styles: cssBundle && nameOf(cssBundle),
  }));
}

function workersByName(made) {
  const names = outputs(made).map(({ name }) => name);
  return Object.fromEntries(names.map((name) => [name.slice(0, name.lastIndexOf("-")), name]));
}

/** The page itself. Styles of parts that are loaded later stand in it too: esbuild leaves that to us. */
function html(files) {
  const { name, styles } = files.find(({ entry }) => entry === "source/main.jsx");
  const parts = files.map((file) => file.name).filter((file) => file.endsWith(".css") && file !== styles);
  const links = [...parts.sort(), styles].map((file) => `<link rel="stylesheet" href="graphql/page/${file}">`);
  return readFileSync("source/index.html", "utf8")
    .replace("{styles}", links.join("\n"))
    .replace("{script}", `<script type="module" src="graphql/page/${name}"></script>`);
}

/** The licence of every package of which something is in the page. */
function licences(builds) {
  const inputs = builds.flatMap(({ metafile }) => Object.keys(metafile.inputs));
  const packages = new Set(inputs.filter((path) => path.includes("node_modules/")).map(packageOf));
  return [...packages].sort().map(licence).join(`\n${"-".repeat(80)}\n\n`);
}

function packageOf(path) {
  const start = path.lastIndexOf("node_modules/") + "node_modules/".length;
  const names = path.slice(start).split("/");
  return path.slice(0, start) + names.slice(0, names[0].startsWith("@") ? 2 : 1).join("/");
}

function licence(path) {
  const about = JSON.parse(readFileSync(join(path, "package.json"), "utf8"));
  const texts = readdirSync(path).filter((name) => /^(licen[cs]e|copying|notice|thirdparty)/i.test(name));
  const home = about.repository?.url ?? about.repository ?? about.homepage ?? "";
  const author = about.author?.name ?? about.author ?? "";
  const head = `${about.name} ${about.version}\n${[about.license, author, home].filter(Boolean).join("\n")}\n`;
  if (!about.license && !texts.length) throw new Error(`${about.name} names no licence`);
  return [head, ...texts.sort().map((name) => readFileSync(join(path, name), "utf8").trim() + "\n")].join("\n");
}
