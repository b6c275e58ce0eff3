import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import spectralCore, { type RulesetDefinition } from '@stoplight/spectral-core';
import spectralRulesets from '@stoplight/spectral-rulesets';
import { openApiDocument } from '../src/http/openapi/openapi.ts';

/** `npm run openapi:check`: runs the linters of Redocly and Spectral on the API description. Any finding is a failure. */

const text = JSON.stringify(openApiDocument('0.0.0'), undefined, 1);

/** Runs Redocly's command line with all of its recommended rules as errors. @returns the findings */
const redocly = (): string[] => {
  const folder = mkdtempSync(join(tmpdir(), 'courier-openapi-'));
  try {
    const file = join(folder, 'openapi.json');
    writeFileSync(file, text);
    const program = join(import.meta.dirname, '../node_modules/.bin/redocly');
    const { status, stdout, stderr } = spawnSync(program, ['lint', file, '--extends=recommended-strict'], {
      cwd: folder,
      encoding: 'utf8',
      // Disables the check for newer versions and the usage statistics, which need the network.
      env: { ...process.env, REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true', REDOCLY_TELEMETRY: 'off', NO_COLOR: '1' },
    });
    return status === 0 ? [] : [`${stdout}${stderr}`];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};

/** Runs Spectral's library with its recommended rules for OpenAPI. Its command line would add 16 MB of dependencies. */
const spectral = async (): Promise<string[]> => {
  const linter = new spectralCore.Spectral();
  // Spectral's own type requires a member that is optional in rulesets.
  linter.setRuleset(spectralRulesets.oas as RulesetDefinition);
  const findings = await linter.run(text);
  return findings.map(({ code, path, message }) => `${code} at ${path.join('.')}: ${message}`);
};

let failed = false;
for (const [name, lint] of [
  ['Redocly', redocly],
  ['Spectral', spectral],
] as const) {
  const startedMs = performance.now();
  const findings = await lint();
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
  console.log(
    `openapi.json, ${name}: ${findings.length === 0 ? 'ok' : `${findings.length} finding(s)`} (${seconds} s)`,
  );
  for (const finding of findings) console.error(`  ${finding}`);
  failed ||= findings.length > 0;
}
process.exitCode = failed ? 1 : 0;
