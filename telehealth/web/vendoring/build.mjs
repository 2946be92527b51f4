// `make vendor`: bundle the component library and Lit into static/vendor/, so that browsers
// load nothing from another host and the repository needs no build step to run.
import { createHash } from "node:crypto";
import { mkdir, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const root = resolve(here, "../../..");
const out = resolve(here, "../static/vendor");
const TARGET = ["chrome120", "firefox121", "safari17"];

await rm(out, { recursive: true, force: true });
await mkdir(out, { recursive: true });
const common = { bundle: true, minify: true, target: TARGET, absWorkingDir: root };
const scripts = await build({
  ...common,
  entryPoints: [join(here, "entry.mjs")],
  outfile: join(out, "components.js"),
  format: "esm",
  metafile: true,
  legalComments: "eof",
});
await build({
  ...common,
  entryPoints: [join(root, "node_modules/@awesome.me/webawesome/dist/styles/themes/default.css")],
  outfile: join(out, "components.css"),
  // A font or picture the theme would name must fail the build, not load from elsewhere.
  loader: {},
});

const packages = new Set(
  Object.keys(scripts.metafile.inputs).flatMap((path) => {
    const found = /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path);
    return found === null || found[1] === undefined ? [] : [found[1]];
  }),
);
const versions = await Promise.all(
  [...packages].sort().map(async (name) => {
    const text = await readFile(join(root, "node_modules", name, "package.json"), "utf8");
    const { version, license } = JSON.parse(text);
    return `${name} ${version} ${license}`;
  }),
);
await writeFile(join(out, "PACKAGES.txt"), `${versions.join("\n")}\n`);
const licences = await Promise.all(
  [...packages].sort().map(async (name) => {
    const folder = join(root, "node_modules", name);
    const file = (await readdir(folder)).find((entry) => /^licen[cs]e/i.test(entry));
    if (file === undefined) throw new Error(`${name} comes without a licence text`);
    return `${name}\n\n${(await readFile(join(folder, file), "utf8")).trim()}\n`;
  }),
);
// Drawings are no package: esbuild does not name them, but their licence asks to be named.
if ((await readFile(join(out, "components.js"), "utf8")).includes("Font Awesome Free")) {
  licences.push(await readFile(join(here, "font_awesome_free.txt"), "utf8"));
}
await writeFile(join(out, "LICENCES.txt"), licences.join(`\n${"-".repeat(72)}\n\n`));
// The bundle has no types of its own; these are its packages' declarations.
await writeFile(
  join(out, "components.d.ts"),
  (await readFile(join(here, "entry.mjs"), "utf8")).replace(/^import "[^\n]*\n/gm, ""),
);

const names = (await readdir(out)).sort();
const lines = await Promise.all(
  names.map(async (name) => {
    const sum = createHash("sha256").update(await readFile(join(out, name))).digest("hex");
    return `${sum}  ${name}`;
  }),
);
await writeFile(join(out, "SHA256SUMS"), `${lines.join("\n")}\n`);
