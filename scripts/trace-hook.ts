// Preloaded by scripts/trace.ts into a courier that runs from source: every function of src/ reports that it was entered.
// The first SIGUSR2 starts the recording, and the next one prints it as a line of JSON.
import { readFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const ENTER = '__courierTraceEnter';
const root = fileURLToPath(new URL('../', import.meta.url));
const sources = new URL('../src/', import.meta.url).href;

let recorded: string[] | undefined;
(globalThis as Record<string, unknown>)[ENTER] = (file: string): void => {
  if (recorded !== undefined && recorded.at(-1) !== file) recorded.push(file);
};

process.on('SIGUSR2', () => {
  if (recorded !== undefined) console.log(JSON.stringify({ trace: recorded }));
  recorded = recorded === undefined ? [] : undefined;
  if (recorded !== undefined) console.log(JSON.stringify({ trace: 'recording' }));
});

/** The source with a call at the beginning of each function. */
const instrument = (text: string, file: string): string => {
  const call = `globalThis.${ENTER}(${JSON.stringify(file)})`;
  const insertions: { at: number; text: string }[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isFunctionLike(node) && 'body' in node && node.body !== undefined) {
      const body = node.body as ts.Node;
      if (ts.isBlock(body)) insertions.push({ at: body.getStart() + 1, text: `${call};` });
      else insertions.push({ at: body.getStart(), text: `(${call},` }, { at: body.getEnd(), text: ')' });
    }
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true));
  // Inserts from the end, so that earlier positions stay valid. At equal positions, the inner function's call is inserted
  // first.
  insertions.sort((one, other) => other.at - one.at);
  let instrumented = text;
  for (const { at, text: inserted } of insertions) {
    instrumented = instrumented.slice(0, at) + inserted + instrumented.slice(at);
  }
  return instrumented;
};

registerHooks({
  load(url, context, nextLoad) {
    if (!url.startsWith(sources) || !url.endsWith('.ts')) return nextLoad(url, context);
    const path = fileURLToPath(url);
    const source = instrument(readFileSync(path, 'utf8'), relative(root, path));
    return { format: 'module-typescript', source, shortCircuit: true };
  },
});
