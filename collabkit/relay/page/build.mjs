/** Builds the page into `dist/`, which the relay serves and the wheel carries. */

import { cp, mkdir, rm } from 'node:fs/promises';
import { build } from 'esbuild';

const out = 'dist';
const files = ['index.html', 'favicon.svg'];

await rm(out, { recursive: true, force: true });
await mkdir(out);
await build({
  entryPoints: { app: 'src/main.js', style: 'src/style.css' },
  entryNames: '[name]',
  outdir: out,
  bundle: true,
  minify: true,
  format: 'esm',
  // Nesting and `light-dark()` in the style sheet need browsers of 2024.
  target: ['chrome123', 'firefox120', 'safari17.5'],
  legalComments: 'none',
});
for (const file of files) await cp(`src/${file}`, `${out}/${file}`);
