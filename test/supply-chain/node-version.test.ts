import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { nodeFaults, nodeWarning, offeredNodes, SAFE_NODE } from '../../scripts/supply-chain/node-version.ts';

const root = join(import.meta.dirname, '../..');
const OFFERED = ['22.30.0', '24.9.0', '24.21.0', '24.22.3', '24.23.0-nightly', '26.10.0'];

describe('the pinned Node', () => {
  test.each<[string | undefined, RegExp]>([
    ['24.21.0', /24\.21\.0 is pinned, and the registry offers 24\.22\.3: npm install/],
    ['24.22.2', /offers 24\.22\.3/],
    [undefined, /pins no Node/],
  ])('%s is an error', (pinned, fault) => {
    expect(nodeFaults(pinned, OFFERED).join()).toMatch(fault);
  });

  test.each(['24.22.3', '24.30.0'])('%s is accepted', (pinned) => {
    expect(nodeFaults(pinned, OFFERED)).toEqual([]);
  });

  test('a registry without the major version is reported', () => {
    expect(nodeFaults('24.21.0', ['26.10.0'])).toEqual(['the registry offers no Node 24']);
  });

  test('a version with known vulnerabilities causes a warning if the registry has no better one', () => {
    expect(nodeWarning('24.21.0')).toContain(SAFE_NODE);
    expect(nodeWarning(SAFE_NODE)).toBeUndefined();
    expect(nodeWarning('24.22.10')).toBeUndefined();
  });
});

describe('the version that the registry offers', () => {
  let status = 200;
  const server = createServer((_, response) => {
    response.statusCode = status;
    response.setHeader('content-type', 'application/json');
    const versions = Object.fromEntries(OFFERED.map((version) => [version, { name: 'node', version, dist: {} }]));
    response.end(JSON.stringify({ name: 'node', 'dist-tags': { latest: '26.10.0' }, versions }));
  });
  let env: NodeJS.ProcessEnv = {};
  beforeAll(async () => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    env = {
      ...process.env,
      npm_config_registry: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
      npm_config_cache: join(root, 'node_modules/.cache/no-npm'),
      npm_config_fetch_retries: '0',
    };
  });
  afterAll(() => {
    server.close();
  });

  test('is read from the registry', async () => {
    expect(await offeredNodes(root, env)).toEqual({ offered: expect.arrayContaining(['24.22.3']) });
  }, 60_000);

  test('is reported as unknown if the registry does not respond', async () => {
    status = 503;
    expect(await offeredNodes(root, env)).toEqual({ notChecked: expect.stringContaining('did not answer') });
  }, 60_000);
});

test('the image cannot be built with a Node version that lacks the fixes', () => {
  const text = readFileSync(join(root, 'deploy/Dockerfile'), 'utf8');
  const [, program = ''] = /^RUN \["\/nodejs\/bin\/node", "-e", "(.*)"\]$/m.exec(text) ?? [];
  const exitsWith = (node: string): number => {
    let code = 0;
    const run = new Function('process', 'console', program);
    run({ versions: { node }, version: `v${node}`, exit: (status: number) => (code = status) }, { error: () => {} });
    return code;
  };
  expect(['22.30.0', '24.21.0', '24.22.0'].map(exitsWith)).toEqual([1, 1, 1]);
  expect([SAFE_NODE, '24.22.3', '24.23.0', '25.0.0'].map(exitsWith)).toEqual([0, 0, 0, 0]);
});
