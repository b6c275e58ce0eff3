import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { asCourierError, CourierError } from '../../src/errors.ts';
import { createLog, type Log, withFields } from '../../src/log.ts';
import { redact } from '../../src/redact.ts';

const textOf = (write: (log: Log) => void): string => {
  const out: string[] = [];
  write(createLog('debug', { write: (line) => void out.push(line) }, { service: 'courier', version: '1.2.3' }));
  return out.join('');
};

const linesOf = (write: (log: Log) => void): Record<string, unknown>[] =>
  textOf(write)
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);

test('a line has the severity, time and message that Cloud Logging reads', () => {
  const [line] = linesOf((log) => log.child({ requestId: 'r' }).warn({ a: 1 }, 'careful'));
  expect(line).toMatchObject({ severity: 'WARNING', message: 'careful', a: 1, requestId: 'r' });
  expect(String(line?.time)).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
});

test('the time of a line is that of its writing, also in the first milliseconds of a second', async () => {
  for (let line = 0; line < 25; line++) {
    const before = Date.now();
    const [written] = linesOf((log) => log.info({}, 'x'));
    const time = String(written?.time);
    expect(new Date(time).toISOString()).toBe(time);
    expect(Date.parse(time)).toBeGreaterThanOrEqual(before);
    expect(Date.parse(time)).toBeLessThanOrEqual(Date.now());
    await new Promise((resolve) => setTimeout(resolve, 47));
  }
});

test('every line has a unique insertId, and they sort in the order of writing', () => {
  const ids = linesOf((log) => {
    for (let line = 0; line < 50; line++) log.child({}).info({}, 'x');
  }).map((line) => String(line['logging.googleapis.com/insertId']));
  expect(new Set(ids).size).toBe(50);
  expect(ids.toSorted()).toEqual(ids);
});

test('lines written during a request carry its trace, and no others do', async () => {
  const lines = await new Promise<Record<string, unknown>[]>((resolve) => {
    const out: Record<string, unknown>[] = [];
    const log = createLog('info', { write: (line) => void out.push(JSON.parse(line)) }).child({ of: 'this' });
    withFields({ 'logging.googleapis.com/trace': 'projects/p/traces/1' }, async () => {
      await new Promise((tick) => setTimeout(tick, 1));
      log.info({}, 'inside');
      resolve(out);
    });
    log.info({}, 'outside');
  });
  expect(lines).toHaveLength(2);
  expect(lines[0]).not.toHaveProperty(['logging.googleapis.com/trace']);
  expect(lines[1]).toMatchObject({ message: 'inside', 'logging.googleapis.com/trace': 'projects/p/traces/1' });
});

test('an error is printed with its chain of causes, and without its other properties', () => {
  const request = Object.assign(new Error('Request failed with Bearer ya29.abc'), {
    code: 'ECONNRESET',
    config: { headers: { authorization: 'Bearer ya29.abc' } },
  });
  const text = textOf((log) => log.error({ error: new Error('delivery failed', { cause: request }) }, 'x'));
  expect(text).toContain('delivery failed');
  expect(text).toContain('ECONNRESET');
  expect(text).not.toContain('ya29.abc');
  expect(text).not.toContain('headers');
});

const REPORTED = 'type.googleapis.com/google.devtools.clouderrorreporting.v1beta1.ReportedErrorEvent';

test('an unexpected error is an error event, grouped by the stack of its root cause', () => {
  const [line] = linesOf((log) => log.error({ error: asCourierError(new TypeError('no such thing')) }, 'POST / 500'));
  expect(line).toMatchObject({ '@type': REPORTED, serviceContext: { service: 'courier', version: '1.2.3' } });
  expect(line?.stack_trace).toMatch(/^TypeError: no such thing\n {4}at .*log\.test\.ts/);
});

test('a configuration error is an error event, grouped by its message, since its stack has no information', () => {
  const error = new CourierError('folder-not-found', { cause: new Error('Drive answered 404') });
  const [line] = linesOf((log) => log.error({ error }, 'POST /v1/files 502 folder-not-found'));
  expect(line).toMatchObject({ '@type': REPORTED, message: 'POST /v1/files 502 folder-not-found' });
  expect(line).not.toHaveProperty('stack_trace');
  expect(JSON.stringify(line)).not.toContain('    at ');
});

test('other lines are no error events', () => {
  const [line] = linesOf((log) => log.warn({ error: new Error('passing') }, 'x'));
  expect(line).not.toHaveProperty('@type');
});

const pem = (type: 'pkcs8' | 'pkcs1'): string =>
  String(
    generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ type: type as 'pkcs8', format: 'pem' }),
  );
const PEM = pem('pkcs8');
const bodyOf = (key: string): string => key.split('\n').slice(1, -2).join('');
const keyFile = { type: 'service_account', client_email: 'courier@p.iam.gserviceaccount.com', private_key: PEM };
const jwt = ['{"alg":"RS256"}', '{"sub":"1"}', 'signature of some length']
  .map((part) => Buffer.from(part).toString('base64url'))
  .join('.');
const RSA = pem('pkcs1');

/** A text that contains a secret, and the parts of it that must not appear. */
const SECRETS: [string, string, string[]][] = [
  ['an access token', 'token ya29.a0AfB_x-y.zQ9 refused', ['a0AfB_x-y', 'zQ9']],
  ['a bearer header', 'authorization: Bearer abc.def-123==', ['abc.def']],
  ['a basic header', 'Authorization: Basic Y2xpZW50OnNlY3JldA==', ['Y2xpZW50OnNlY3JldA']],
  ['an ID token', `got ${jwt} end`, jwt.split('.')],
  ['half an ID token', `got ${jwt.slice(0, 40)}`, [jwt.slice(20, 40)]],
  ['a PKCS #8 key', PEM, [bodyOf(PEM).slice(100, 140), bodyOf(PEM).slice(-20)]],
  ['a PKCS #1 key', `x ${RSA} y`, [bodyOf(RSA).slice(100, 140)]],
  ['a key that was cut', PEM.slice(0, 300), [PEM.slice(250, 290)]],
  ['a key without its frame', `decoding ${bodyOf(PEM)} failed`, [bodyOf(PEM).slice(200, 240)]],
  ['a key file', JSON.stringify(keyFile), [bodyOf(PEM).slice(100, 140)]],
  ['a key file in a JSON text', JSON.stringify({ text: JSON.stringify(keyFile) }), [bodyOf(PEM).slice(100, 140)]],
  ['a refresh token', 'refresh 1//09abcdefghijklmnopqrstuvwxyz-_AB rejected', ['abcdefghij']],
  ['a client secret', '{"client_secret":"GOCSPX-abcdefgh"}', ['abcdefgh']],
  ['a client secret of an old form', '{"client_secret":"Zm9vYmFyYmF6"}', ['Zm9vYmFyYmF6']],
  ['a form', 'grant_type=refresh_token&refresh_token=s3cr3t-value&client_id=1', ['s3cr3t']],
  ['an assertion', 'assertion=abcd.efgh.ijkl', ['efgh']],
  ['a session URI', 'PUT https://x/upload?uploadType=resumable&upload_id=AHmUCY-xyz failed', ['AHmUCY']],
  ['a signed URL', 'GET https://storage.googleapis.com/b/o?X-Goog-Signature=0a1b2c3d', ['0a1b2c3d']],
  ['an AWS access key', 'AWS_ACCESS_KEY_ID ASIALOCALEXAMPLEKEY1', ['EXAMPLEKEY']],
  ['an AWS secret key', '{"SecretAccessKey":"wJalrXUtnFEMI/K7MDENG"}', ['K7MDENG']],
  ['an API key', 'key AIzaSyA-1234567890abcdefghijklmnopqrstuv', ['1234567890']],
];

test.each(SECRETS)('%s is redacted, and the text before it remains', (_, text, parts) => {
  const found = redact(`before ${text} after`);
  expect(found).toMatch(/^before [\s\S]*\[redacted\]/);
  for (const part of parts) expect(found).not.toContain(part);
});

/**
 * Texts that look like the start of a secret without one, long enough that a search that restarts everywhere would take
 * seconds.
 */
const LONG = 100_000;
const HOSTILE: [string, string][] = [
  ...['"', ' ', "'", '\\', '=', ':', '"=', '= ', '"aaaa', 'password', 'password"', 'password='].map(
    (piece): [string, string] => [
      `a field’s name and ${piece} again and again`,
      `password${piece.repeat(LONG / piece.length)}`,
    ],
  ),
  ...['\\', '-----BEGIN', '-----BEGIN ', '-', 'PRIVATE KEY'].map((piece): [string, string] => [
    `the beginning of a key and ${piece} again and again`,
    `-----BEGIN${piece.repeat(LONG / piece.length)}`,
  ]),
  ...['\\', '-----END', '-----END ', '-----BEGIN PRIVATE KEY-----', '-----BEGIN PRIVATE KEY----------END'].map(
    (piece): [string, string] => [
      `the head of a key and ${piece} again and again`,
      `-----BEGIN PRIVATE KEY-----${piece.repeat(LONG / piece.length)}`,
    ],
  ),
  ...['ya29.', '1//', 'AIza', 'AKIA', ' eyJ', 'eyJ.', ' MII', 'Bearer ', 'Basic ', '?key='].map(
    (piece): [string, string] => [`${piece} again and again`, piece.repeat(LONG / piece.length)],
  ),
];

test.each(HOSTILE)('%s takes time linear in its length', (_, text) => {
  // The best of three, since the machine may be busy.
  const taken = [1, 2, 3].map(() => {
    const start = performance.now();
    redact(text);
    return performance.now() - start;
  });
  expect(Math.min(...taken)).toBeLessThan(100);
});

test.each([0, 1, 40, 1_000])('a secret is found after %i spaces and quotes', (many) => {
  for (const gap of [' ', '"', '\\"']) {
    const between = gap.repeat(many);
    expect(redact(`password${between}:${between}s3cr3t-value`)).toBe(`password${between}:${between}[redacted]`);
  }
});

/** The ways in which a secret might get into a line. */
const WAYS: [string, (log: Log, text: string) => void][] = [
  ['as a field', (log, text) => log.info({ text }, 'x')],
  ['deep in a field', (log, text) => log.info({ a: [{ b: { text } }] }, 'x')],
  ['as the message', (log, text) => log.info({}, text)],
  ['in the log’s own fields', (log, text) => log.child({ text }).info({}, 'x')],
  ['in the surroundings', (log, text) => withFields({ text }, () => log.info({}, 'x'))],
  ['as an error’s message', (log, text) => log.error({ error: new Error(text) }, 'x')],
  ['as a cause’s message', (log, text) => log.error({ error: new Error('x', { cause: new Error(text) }) }, 'x')],
  [
    'as a foreseen error’s detail',
    (log, text) => log.error({ error: new CourierError('busy', { detail: text }) }, 'x'),
  ],
  ['in what an error carries', (log, text) => log.error({ error: Object.assign(new Error('x'), { text }) }, 'x')],
  ['as something thrown that is no error', (log, text) => log.error({ error: text }, 'x')],
  ['as an error under another name', (log, text) => log.error({ err: new Error(text) }, 'x')],
];

describe.each(WAYS)('%s', (_, write) => {
  test.each(SECRETS)('%s does not appear, and the line is still JSON', (__, text, parts) => {
    const line = textOf((log) => write(log, text));
    expect(() => JSON.parse(line) as unknown).not.toThrow();
    for (const part of parts) expect(line).not.toContain(part);
  });
});

test('text without a secret is unchanged', () => {
  const text =
    'delivered Umsätze_2026.csv (1AbCdEfGhIjKlMnOpQrStUvWxYz012345) for exporter@p.iam.gserviceaccount.com, token: none, basic rules';
  expect(redact(text)).toBe(text);
});
