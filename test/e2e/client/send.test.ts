import { hash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { describe, expect, test } from '@jest/globals';
import { CourierClient } from '../../../src/client/index.ts';
import { AUDIENCE } from '../../support/courier/courier-in-world.ts';
import { createClientWorld, MEBIBYTE, type Problem } from './client-world.ts';

const { google, courier, folder, run, call, json, stored, named, written } = createClientWorld();

describe('courier send', () => {
  test('delivers a small file to the destination in one request and prints its receipt', async () => {
    const bytes = Buffer.from('day,orders\r\n2026-11-24,7\r\n');
    const { code, value } = await json(['send', written('orders.csv', bytes), '--path', '2026/11']);
    expect(code).toBe(0);
    expect(value).toMatchObject({
      name: 'orders.csv',
      mimeType: 'text/csv',
      size: bytes.length,
      sha256: hash('sha256', bytes),
      destination: 'default',
      path: '2026/11',
      outcome: 'created',
      caller: google().world.emails.exporter,
    });
    expect(stored(value.id)).toMatchObject({ name: 'orders.csv', sha256: hash('sha256', bytes) });
  });

  test('prints two readable lines for a person, and nothing on standard error', async () => {
    const result = await call(['send', written('person.txt', 'hello')]);
    expect(result).toMatchObject({ code: 0, stderr: '' });
    expect(result.stdout).toMatch(/^created: person\.txt \(5 B\) in default\/inbox\nhttps?:\/\/\S+\n$/);
  });

  test('the same key returns the same file', async () => {
    const path = written('keyed.txt', 'once');
    const first = await json(['send', path, '--key', 'keyed-1']);
    const second = await json(['send', path, '--key', 'keyed-1']);
    expect([first.value.outcome, second.value.outcome]).toEqual(['created', 'replayed']);
    expect(second.value.id).toBe(first.value.id);
    expect(named('keyed.txt')).toHaveLength(1);
  });

  test('every flag reaches Drive', async () => {
    const path = written('flags.bin', 'x');
    const { value } = await json([
      'send',
      path,
      ...['--to', 'once', '--name', 'Résumé “final”.txt', '--mime-type', 'text/plain'],
      ...['--description', 'Made by a test', '--on-conflict', 'new'],
    ]);
    expect(value).toMatchObject({ name: 'Résumé “final”.txt', mimeType: 'text/plain', destination: 'once' });
  });

  test('a short standard input is sent in one request and requires a name', async () => {
    const { value } = await json(['send', '-', '--name', 'piped.txt'], { input: 'from a pipe' });
    expect(value).toMatchObject({ name: 'piped.txt', size: 11, sha256: hash('sha256', Buffer.from('from a pipe')) });
    expect(await call(['send', '-'], { input: 'x' })).toMatchObject({ code: 64 });
  });

  test('a long standard input of unknown length streams through the courier', async () => {
    const bytes = randomBytes(20 * MEBIBYTE);
    google().calls.clear();
    const { code, value } = await json(['send', '-', '--name', 'stream.bin'], { input: bytes });
    expect([code, value.size, value.sha256]).toEqual([0, bytes.length, hash('sha256', bytes)]);
    expect(stored(value.id)?.sha256).toBe(hash('sha256', bytes));
  }, 60_000);

  test('converts by option and by the destination’s default', async () => {
    const path = written('table.csv', 'a,b\r\n1,2\r\n');
    expect((await json(['send', path, '--convert-to', 'sheet'])).value.mimeType).toContain('spreadsheet');
    expect((await json(['send', path, '--to', 'sheets'])).value.mimeType).toContain('spreadsheet');
  });

  test('appends rows to a sheet, each key once, and replaces the values of a tab', async () => {
    const path = written('days.csv', 'day,orders\r\n2026-11-24,007\r\n');
    const into = ['--name', 'Days', '--convert-to', 'sheet', '--tab', 'log'];
    const append = [...into, '--on-conflict', 'append', '--dates', '--columns', 'strict', '--rollover', 'monthly'];
    const first = await json(['send', path, ...append, '--key', 'days-1']);
    const again = await json(['send', path, ...append, '--key', 'days-1']);
    const tab = `log ${new Date().toISOString().slice(0, 7)}`;
    expect(first.value).toMatchObject({ outcome: 'created', sheet: { tab, range: `'${tab}'!A2:B2`, rows: 1 } });
    expect(again.value).toMatchObject({ outcome: 'replayed', sheet: { range: `'${tab}'!A2:B2` } });
    expect(google().sheets.rowsOf(first.value.id, tab)).toEqual([
      ['day', 'orders'],
      [46_350, '007'],
    ]);
    const other = written('other.csv', 'week\r\n1\r\n');
    expect((await json(['send', other, ...append])).code).toBe(1);
    const replaced = await json(['send', other, ...into, '--on-conflict', 'replace']);
    expect(replaced.value).toMatchObject({ id: first.value.id, outcome: 'replaced', sheet: { tab: 'log', rows: 1 } });
    expect(google().sheets.rowsOf(first.value.id, 'log')).toEqual([['week'], [1]]);
  });
});

/** Collects what is written to it. */
const listener = () => {
  const texts: string[] = [];
  return { texts, write: (text: string) => texts.push(text) > 0 };
};

describe('a terminal', () => {
  test('shows a progress bar with rate and time left, and clears the line at the end', async () => {
    const { runProgram } = await import('../../../src/client/program.ts');
    const [out, terminal] = [listener(), { ...listener(), isTTY: true, columns: 100 }];
    const exit = await runProgram(
      ['--audience', AUDIENCE, '--url', courier().url, 'send', written('bar.zip', randomBytes(24 * MEBIBYTE))],
      {
        env: {
          COURIER_GOOGLE_ORIGIN: google().origin,
          GOOGLE_APPLICATION_CREDENTIALS: google().world.keyFiles.exporter,
          XDG_CACHE_HOME: folder(),
        },
        stdin: (async function* () {})(),
        stdout: out,
        stderr: terminal,
        signal: new AbortController().signal,
        now: Date.now,
      },
    );
    expect([exit, out.texts.join('')]).toEqual([0, expect.stringContaining('created: bar.zip')]);
    expect(terminal.texts.join('')).toMatch(/\r\[#*\.*\] [\d.]+ (B|[KM]iB) of 24\.0 MiB/);
    expect(terminal.texts.join('')).toMatch(/\/s {2}\d+ s left/);
    expect(terminal.texts.at(-1)).toBe('\r\u001b[K');
  }, 60_000);
});

describe('the other commands', () => {
  test('export creates a file from rows', async () => {
    const document = { name: 'rows.csv', source: { rows: [{ a: 1, b: 'x' }, { a: 2 }] } };
    const { value } = await json(['export', written('document.json', JSON.stringify(document))]);
    expect(value).toMatchObject({
      name: 'rows.csv',
      outcome: 'created',
      mimeType: expect.stringContaining('text/csv'),
    });
    const piped = await json(['export', '-'], { input: JSON.stringify({ name: 't.txt', source: { text: 'hi' } }) });
    expect(piped.value).toMatchObject({ name: 't.txt', size: 2 });
  });

  test('export preserves what only the document’s text shows, such as exact numbers and duplicate keys', async () => {
    const text =
      '\ufeff{"name":"exact.csv","source":{"rows":[{"name":"x","2024":9007199254740993,"price":12.50,"most":1e400}]}}\n';
    for (const value of [
      (await json(['export', written('exact.json', text)])).value,
      (await json(['export', '-', '--key', 'exact'], { input: text })).value,
    ]) {
      expect(google().drive.bytesOf(value.id).toString()).toBe(
        'name,2024,price,most\r\n"x",9007199254740993,12.50,1e400\r\n',
      );
    }
    const twice = await json<Problem>(['export', '-'], { input: '{"name":"a.csv","source":{"rows":[{"a":1,"a":2}]}}' });
    expect(twice).toMatchObject({ code: 1, value: { error: { code: 'request-invalid' } } });
  });

  test('destinations lists only those of this caller', async () => {
    const { value } = await json<{ destinations: { name: string }[] }>(['destinations']);
    expect(value.destinations.map(({ name }) => name).sort()).toEqual([
      'broken',
      'default',
      'locked',
      'once',
      'sheets',
      'small',
    ]);
    const { stdout } = await call(['destinations']);
    expect(stdout).toContain('default, in inbox, if the name is taken: new');
    expect(stdout).not.toContain(google().places.sharedDrive);
  });

  test('doctor exits 1 when a check fails, and writes only when asked', async () => {
    const { code, value } = await json<{ ok: boolean; destinations: Record<string, { ok: boolean }> }>(['doctor']);
    expect([code, value.ok, value.destinations.default?.ok, value.destinations.broken?.ok]).toEqual([
      1,
      false,
      true,
      false,
    ]);
    const before = google().calls.count({ method: 'POST', path: /\/upload\/drive/ });
    const asked = await json<{ destinations: { default: { checks: { check: string; result: string }[] } } }>([
      'doctor',
      '--write',
    ]);
    expect(asked.value.destinations.default.checks).toContainEqual(
      expect.objectContaining({ check: 'probe', result: 'passed' }),
    );
    expect(google().calls.count({ method: 'POST', path: /\/upload\/drive/ })).toBeGreaterThan(before);
  }, 60_000);

  test('the client works the same as a library', async () => {
    const client = new CourierClient({
      url: courier().url,
      audience: AUDIENCE,
      keyFile: google().world.keyFiles.exporter ?? '',
      env: { COURIER_GOOGLE_ORIGIN: google().origin },
    });
    const receipt = await client.send(new Blob(['as a library']), { name: 'library.txt' });
    expect(receipt).toMatchObject({ name: 'library.txt', size: 12, outcome: 'created' });
  });
});

describe('failures print one JSON line, and the exit code shows whether to retry', () => {
  test.each([
    ['a name that is taken', () => ['send', written('taken.txt', '1'), '--on-conflict', 'fail'], 'name-taken', 1],
    ['a destination of others', () => ['send', written('o.txt', '1'), '--to', 'others'], 'destination-forbidden', 1],
    ['a file too large', () => ['send', written('big.txt', 'x'.repeat(1_001)), '--to', 'small'], 'too-large', 1],
    ['a folder that is not shared', () => ['send', written('n.txt', '1'), '--to', 'broken'], 'folder-not-found', 1],
    ['a file that is not there', () => ['send', '/nonexistent.csv'], 'file-unreadable', 1],
    ['a folder as a document', () => ['export', folder()], 'file-unreadable', 1],
    ['a bad rule', () => ['send', written('r.txt', '1'), '--on-conflict', 'merge'], 'usage', 64],
    ['no such command', () => ['sent'], 'usage', 64],
    ['a key that cannot be one', () => ['send', written('k.txt', '1'), '--key', 'a b'], 'usage', 64],
  ] as [string, () => string[], string, number][])('%s', async (_, args, code, exit) => {
    if (code === 'name-taken') await call(['send', written('taken.txt', '1')]);
    const result = await json<Problem>(args());
    expect([result.code, result.value.error.code, result.value.error.exitCode]).toEqual([exit, code, exit]);
    const { code: plainExit, stdout, stderr } = await call(args());
    expect([plainExit, stdout]).toEqual([exit, '']);
    expect(stderr).toContain(`courier: ${code}: `);
  });

  test('an audience that the courier does not accept', async () => {
    const { code, stdout } = await run(['--json', 'destinations']);
    expect([code, (JSON.parse(stdout) as Problem).error.code]).toEqual([1, 'token-audience']);
  });

  test('a caller that no policy lists', async () => {
    const { code, value } = await json<Problem>(['send', written('stranger.txt', '1')], {
      env: { GOOGLE_APPLICATION_CREDENTIALS: google().world.keyFiles.stranger ?? '' },
    });
    expect([code, value.error.code]).toEqual([1, 'destination-forbidden']);
  });

  test('an unreachable courier is worth a retry', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    server.close();
    const { code, value } = await json<Problem>(['--url', `http://127.0.0.1:${port}`, 'destinations']);
    expect([code, value.error.code, value.error.retryable]).toEqual([75, 'courier-unreachable', true]);
  }, 120_000);

  test('no output contains a token or the key', async () => {
    const { stdout, stderr } = await call(['send', written('s.txt', '1'), '--to', 'others']);
    const key = (JSON.parse(readFileSync(google().world.keyFiles.exporter ?? '', 'utf8')) as { private_key: string })
      .private_key;
    for (const line of key.split('\n').filter((each) => each.length > 40)) expect(stdout + stderr).not.toContain(line);
    expect(stdout + stderr + courier().lines.join('\n')).not.toMatch(/eyJ[\w-]{20,}\.[\w-]{20,}/);
  });
});
