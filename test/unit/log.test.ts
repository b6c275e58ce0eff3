import { expect, test } from '@jest/globals';
import { createLog, redact } from '../../src/log.ts';

const lines = (write: (log: ReturnType<typeof createLog>) => void): Record<string, unknown>[] => {
  const out: Record<string, unknown>[] = [];
  write(createLog('info', { write: (line) => void out.push(JSON.parse(line)) }));
  return out;
};

test('a line has the severity, time and message that Cloud Logging reads', () => {
  const [line] = lines((log) => log.child({ requestId: 'r' }).warn({ a: 1 }, 'careful'));
  expect(line).toMatchObject({ severity: 'WARNING', message: 'careful', a: 1, requestId: 'r' });
  expect(String(line?.time)).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
});

test('an error is printed with its chain of causes, and without what it carries', () => {
  const request = Object.assign(new Error('Request failed with Bearer ya29.abc'), {
    code: 'ECONNRESET',
    config: { headers: { authorization: 'Bearer ya29.abc' } },
  });
  const text = JSON.stringify(
    lines((log) => log.error({ error: new Error('delivery failed', { cause: request }) }, 'x')),
  );
  expect(text).toContain('delivery failed');
  expect(text).toContain('ECONNRESET');
  expect(text).not.toContain('ya29.abc');
});

test.each([
  ['an access token', 'token ya29.a0AfB_x-y.z!'],
  ['a JWT', 'got eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln end'],
  ['a private key', '{"private_key":"-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----\n"}'],
  ['a session URI', 'PUT https://x/upload?uploadType=resumable&upload_id=AHmUCY failed'],
  ['a bearer header', 'authorization: Bearer abc.def'],
])('%s is redacted', (_, text) => {
  expect(redact(text)).toContain('[redacted]');
  expect(redact(text)).not.toMatch(/a0AfB|c2ln|MIIE|AHmUCY|abc\.def/);
});
