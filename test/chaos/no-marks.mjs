// Loaded ahead of the courier (--import) in a run that checks the chaos test itself: rows are appended without the marks that
// tell a later try that they are there, so the test must find duplicates. The courier has no setting for that.
import { readFileSync } from 'node:fs';
import { registerHooks, stripTypeScriptTypes } from 'node:module';
import { fileURLToPath } from 'node:url';

const FILE = new URL('../../src/sheets/create-sheets.ts', import.meta.url).href;
const WITH_MARKS = 'withMarks = true';
const WITHOUT_MARKS = 'withMarks = false';

registerHooks({
  load(url, context, nextLoad) {
    if (url !== FILE) return nextLoad(url, context);
    const source = readFileSync(fileURLToPath(url), 'utf8');
    if (!source.includes(WITH_MARKS)) throw new Error(`${FILE} has no "${WITH_MARKS}"`);
    const changed = stripTypeScriptTypes(source.replace(WITH_MARKS, WITHOUT_MARKS));
    return { format: 'module', source: changed, shortCircuit: true };
  },
});
