import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { hasGcloud, lintGcloud } from '../support/gcloud-lint.ts';

if (!hasGcloud) console.warn('SKIPPED: gcloud is not installed, so it cannot look at the commands itself');
const testWithGcloud = hasGcloud ? test : test.skip;

const SCRIPT = fileURLToPath(new URL('../../deploy/monitoring/apply.sh', import.meta.url));

/** A gcloud that keeps what was created, answers lists with it, and writes down every command. */
const GCLOUD = `#!/usr/bin/env bash
set -eu
echo "$*" >> "$STATE/commands"
case "$*" in
  *" list "*)
    wanted=$(printf '%s\\n' "$*" | sed 's/.*--filter=[a-zA-Z]*="\\{0,1\\}\\([^"]*[^" ]\\)"\\{0,1\\} --format.*/\\1/')
    grep -qxF "$wanted" "$STATE/created" && echo found || true ;;
  "logging metrics create "*) echo "$4" >> "$STATE/created" ;;
  *" create "*)
    file=$(printf '%s\\n' "$@" | sed -n 's/^--[a-z]*-from-file=//p')
    sed -n 's/^  "displayName": "\\(.*\\)",$/\\1/p' "$file" | head -n 1 >> "$STATE/created" ;;
esac
`;

let state: string;
beforeEach(() => {
  state = mkdtempSync(join(tmpdir(), 'recorded-gcloud-'));
  writeFileSync(join(state, 'gcloud'), GCLOUD);
  chmodSync(join(state, 'gcloud'), 0o755);
  writeFileSync(join(state, 'created'), '');
});
afterEach(() => rmSync(state, { recursive: true }));

const run = (args: string[], path = `${state}:/usr/bin:/bin`) => {
  writeFileSync(join(state, 'commands'), '');
  const { status, stderr } = spawnSync('/bin/bash', [SCRIPT, ...args], { env: { PATH: path, STATE: state } });
  const commands = readFileSync(join(state, 'commands'), 'utf8').trim().split('\n');
  const changes = commands.filter((command) => / (create|update|delete) /.test(command));
  return { status, stderr: String(stderr), changes };
};

test('it makes every metric, the dashboard and every alert, in the project that it is told', () => {
  const { status, stderr, changes } = run(['my-proj', 'projects/my-proj/notificationChannels/1']);
  expect([status, stderr]).toEqual([0, '']);
  expect(changes.filter((change) => change.startsWith('logging metrics create courier-'))).toHaveLength(6);
  expect(changes.filter((change) => change.startsWith('monitoring dashboards create'))).toHaveLength(1);
  const policies = changes.filter((change) => change.startsWith('alpha monitoring policies create'));
  expect(policies).toHaveLength(8);
  expect(changes.every((change) => change.endsWith('--project=my-proj'))).toBe(true);
  expect(policies.every((change) => change.includes('--notification-channels=projects/my-proj/'))).toBe(true);
});

test('run again it makes nothing twice', () => {
  run(['my-proj']);
  const { status, changes } = run(['my-proj']);
  expect(status).toBe(0);
  expect(changes).toHaveLength(6);
  expect(changes.every((change) => change.startsWith('logging metrics update courier-'))).toBe(true);
});

test('without a project it says how it is used, and without gcloud where to get it', () => {
  expect(run([])).toMatchObject({ status: 64, stderr: expect.stringContaining('usage: apply.sh PROJECT') });
  rmSync(join(state, 'gcloud'));
  symlinkSync('/usr/bin/dirname', join(state, 'dirname'));
  const bare = run(['my-proj'], state);
  expect(bare).toMatchObject({ status: 69, stderr: expect.stringContaining('gcloud is not installed') });
});

testWithGcloud(
  'gcloud itself finds every command in order',
  async () => {
    run(['my-proj', 'projects/my-proj/notificationChannels/1']);
    const commands = readFileSync(join(state, 'commands'), 'utf8').trim().split('\n');
    const quoted = commands.map(
      (command) => `gcloud ${command.replace(/--filter=(.*?) --format/, "--filter='$1' --format")}`,
    );
    expect(await lintGcloud([...new Set(quoted)])).toEqual([]);
  },
  120_000,
);
