import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { gcloudCommandsIn, hasGcloud, lintGcloud } from '../../support/deploy/gcloud-lint.ts';

const ROOT = join(import.meta.dirname, '../../..');

if (!hasGcloud) console.warn('SKIPPED: no gcloud here, so the commands of the examples are not looked at.');

const sources: [string, (text: string) => string][] = [
  ['examples/scheduler/create-job.sh', (text) => text.replaceAll('$url', 'https://courier.example')],
  ['examples/receipts/chat/index.js', (text) => text],
  ['examples/receipts/mail.yaml', (text) => text],
  ['examples/workflows/export.yaml', (text) => text.replace(/'\{[^}]*\}'/, "'{}'")],
];

(hasGcloud ? test.each(sources) : test.skip.each(sources))(
  'gcloud takes every command of %s',
  async (path, shellOf) => {
    const commands = [...new Set(gcloudCommandsIn(shellOf(readFileSync(join(ROOT, path), 'utf8'))))];
    expect(commands.length).toBeGreaterThan(0);
    expect(await lintGcloud(commands)).toEqual([]);
  },
  180_000,
);
