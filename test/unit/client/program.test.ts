import { afterEach, describe, expect, test } from '@jest/globals';
import packageJson from '../../../package.json' with { type: 'json' };
import { createListening } from '../../support/network/listening.ts';
import { runInProcess } from '../../support/processes/run-program.ts';

const { listen, close } = createListening();
afterEach(close);

/** A courier that gives this response to everything, immediately and without Retry-After, and a metadata server. */
const startAnswering = async (status: number, answer: string) => {
  const keys: (string | undefined)[] = [];
  const bodies: string[] = [];
  const audiences: (string | null)[] = [];
  const courier = await listen(async (request, response) => {
    const { 'idempotency-key': key } = request.headers;
    keys.push(key === undefined ? undefined : String(key));
    let body = '';
    for await (const part of request) body += part;
    bodies.push(body);
    response.writeHead(status, { 'retry-after': '3600' }).end(answer);
  });
  const metadata = await listen((request, response) => {
    audiences.push(new URL(request.url ?? '', 'http://metadata').searchParams.get('audience'));
    response.end('token');
  });
  const url = `http://${courier}`;
  return { keys, bodies, audiences, url, env: { COURIER_URL: url, GCE_METADATA_HOST: metadata } };
};

const run = async (args: readonly string[], env: Record<string, string> = {}, stdin = '') =>
  runInProcess(args, { env, stdin });

const problem = (code: string, rest: object = {}): string =>
  JSON.stringify({ code, title: 'A title', remedy: 'A remedy.', retryable: false, ...rest });

describe('an error is reported once', () => {
  test.each([
    ['a detail that is the title', 'A title.', 'courier: some-code: A title\n  A remedy.\n'],
    ['a detail of its own', 'A detail.', 'courier: some-code: A title: A detail.\n  A remedy.\n'],
    ['no detail', undefined, 'courier: some-code: A title\n  A remedy.\n'],
  ])('with %s', async (_, detail, stderr) => {
    const { env } = await startAnswering(403, problem('some-code', { detail }));
    expect(await run(['destinations'], env)).toEqual({ code: 1, stdout: '', stderr });
  });
});

describe('usage errors', () => {
  test.each([
    ['of a command', ['send'], "missing required argument 'path'", '"courier send --help"'],
    ['after options', ['--url', 'x', 'export', '--nope'], "unknown option '--nope'", '"courier export --help"'],
    ['of a subcommand', ['config', 'set', 'url'], "missing required argument 'value'", '"courier config set --help"'],
    [
      'that a command finds',
      ['send', '-'],
      'Standard input has no name. Pass one with --name.',
      '"courier send --help"',
    ],
    ['of help', ['help', 'bogus'], "unknown command 'bogus'", '"courier help"'],
    ['of no command', ['--nope'], "unknown option '--nope'", '"courier help"'],
    ['options alone', ['--url', 'x'], 'Missing command.', '"courier help"'],
    ['a misspelt command', ['sned', 'a'], "unknown command 'sned' (Did you mean send?)", '"courier help"'],
    ['help for one', ['help', 'sned'], "unknown command 'sned' (Did you mean send?)", '"courier help"'],
    [
      'a misspelt subcommand',
      ['config', 'lst'],
      "unknown command 'lst' (Did you mean list?)",
      '"courier config --help"',
    ],
    [
      'a misspelt option',
      ['send', 'a', '--nmae', 'b'],
      "unknown option '--nmae' (Did you mean --name?)",
      '"courier send',
    ],
  ])('%s names the problem and the help that explains more', async (_, args, detail, remedy) => {
    const { code, stderr } = await run(args);
    expect(code).toBe(64);
    expect(stderr.split('\n')).toEqual([`courier: usage: ${detail}`, expect.stringContaining(remedy), '']);
    expect(JSON.parse((await run(['--json', ...args])).stdout)).toMatchObject({
      error: { code: 'usage', detail, remedy: expect.stringContaining(remedy) },
    });
  });
});

describe('help', () => {
  const COMMANDS = ['send', 'export', 'token', 'whoami', 'login', 'destinations', 'doctor', 'config', 'completion'];
  const SUBCOMMANDS = ['set', 'unset', 'get', 'list', 'path'].map((each) => ['config', each]);

  test('is printed by the command alone, and lists every command', async () => {
    const { code, stdout, stderr } = await run([]);
    expect([code, stderr]).toEqual([0, '']);
    for (const command of COMMANDS) expect(stdout).toMatch(new RegExp(`^ {2}${command}\\b`, 'm'));
    expect(stdout).toBe((await run(['--help'])).stdout);
    expect(await run(['config'])).toEqual(await run(['config', '--help']));
  });

  test.each([...COMMANDS.map((each) => [each]), ...SUBCOMMANDS])(
    'of %s %s has an example and the global options',
    async (...words) => {
      const { code, stdout } = await run([...words, '--help']);
      expect(code).toBe(0);
      expect(stdout).toMatch(new RegExp(`Examples:\\n(.*\\n)* .*courier ${words.join(' ')}\\b`));
      for (const option of ['--url', '--audience', '--key-file', '--impersonate', '--json', '-v, --verbose']) {
        expect(stdout).toContain(`  ${option}`);
      }
    },
  );
});

test('--version prints the package’s version', async () => {
  expect(await run(['--version'])).toEqual({ code: 0, stdout: `${packageJson.version}\n`, stderr: '' });
});

describe('a failed delivery that can be retried', () => {
  const BUSY = problem('busy', { retryable: true });
  const SEND = ['send', '-', '--name', 'a.txt'];

  test('prints the key that was generated for it', async () => {
    const { env, keys } = await startAnswering(429, BUSY);
    const { code, stderr } = await run(SEND, env, 'x');
    expect([code, stderr]).toEqual([
      75,
      `courier: busy: A title\n  A remedy.\n  To avoid a duplicate, add --key ${keys[0]}\n`,
    ]);
    const { stdout } = await run(['--json', ...SEND, '--key', 'mine'], env, 'x');
    expect(JSON.parse(stdout)).toMatchObject({ error: { code: 'busy', idempotencyKey: 'mine' } });
  });

  test('prints it for an export too, which accepts it again', async () => {
    const { env, keys, bodies } = await startAnswering(429, BUSY);
    const { stderr } = await run(['export', '-'], env, '{}');
    const [, key = ''] = / --key (\S+)/.exec(stderr) ?? [];
    await run(['export', '-', '--key', key], env, '{}');
    expect([keys, bodies]).toEqual([
      [key, key],
      ['{}', '{}'],
    ]);
  });

  test.each([
    ['the document’s own', '{"idempotencyKey": "a"}', 75],
    ['another than the document’s', '{"idempotencyKey": "b"}', 64],
  ])('an export’s --key that is %s', async (_, document, exit) => {
    const { env } = await startAnswering(429, BUSY);
    expect(await run(['export', '-', '--key', 'a'], env, document)).toMatchObject({ code: exit });
  });

  test('and one that cannot be retried prints none', async () => {
    const { env } = await startAnswering(403, problem('destination-forbidden'));
    expect((await run(SEND, env, 'x')).stderr).not.toContain('--key');
    expect((await run(['--json', ...SEND], env, 'x')).stdout).not.toContain('idempotencyKey');
  });

  test.each(['destinations', 'doctor'])('%s has no key to print', async (command) => {
    const { env } = await startAnswering(503, 'Service Unavailable');
    const { code, stderr } = await run([command], env);
    expect(code).toBe(75);
    expect(stderr).not.toMatch(/key/i);
  });
});

describe('the audience', () => {
  test.each<[string, string[], Record<string, string>, string | undefined]>([
    ['the courier’s URL', [], {}, undefined],
    ['COURIER_AUDIENCE before it', [], { COURIER_AUDIENCE: 'https://a.example' }, 'https://a.example'],
    ['an empty one does not count', [], { COURIER_AUDIENCE: '' }, undefined],
    ['without the line end of a file', [], { COURIER_AUDIENCE: 'https://a.example\n' }, 'https://a.example'],
    [
      '--audience before both',
      ['--audience', 'https://b.example'],
      { COURIER_AUDIENCE: 'https://a.example' },
      'https://b.example',
    ],
  ])('is %s', async (_, args, given, expected) => {
    const { env, url, audiences } = await startAnswering(200, '{"destinations": []}');
    await run([...args, 'destinations'], { ...env, ...given });
    expect(audiences.filter((each) => each !== null)).toEqual([expected ?? url]);
  });

  test.each(['/', '//', '\n', '/\n'])('is the URL without the %j that a variable contains', async (ending) => {
    const { env, url, audiences } = await startAnswering(200, '{"destinations": []}');
    expect(await run(['destinations'], { ...env, COURIER_URL: `${url}${ending}` })).toMatchObject({ code: 0 });
    expect(audiences.filter((each) => each !== null)).toEqual([url]);
  });
});
