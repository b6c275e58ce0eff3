import { hash, randomBytes } from 'node:crypto';
import { statSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { createClientWorld, MEBIBYTE, type Problem } from './client-world.ts';

const { google, courier, folder, call, json, named, written, cachedSessions } = createClientWorld();

describe('a file above the platform’s request limit', () => {
  const bytes = randomBytes(80 * MEBIBYTE);

  test('goes directly to Drive in an upload session, is verified, and leaves no session behind', async () => {
    google().calls.clear();
    const { code, value } = await json(['send', written('backup.zip', bytes)]);
    expect([code, value.size, value.sha256, value.outcome]).toEqual([
      0,
      bytes.length,
      hash('sha256', bytes),
      'created',
    ]);
    const puts = google().calls.list({ method: 'PUT' });
    expect(puts.reduce((sum, { requestBytes }) => sum + requestBytes, 0)).toBe(bytes.length);
    expect(cachedSessions()).toEqual([]);
    expect(courier().lines.join('\n')).not.toMatch(/upload_id=(?!\[redacted\])/);
  }, 60_000);

  test.each([
    ['sent again', 'cut.zip', () => []],
    ['sent again with the key that it named', 'cut-and-keyed.zip', (key: string) => ['--key', key]],
  ])(
    'resumes an interrupted upload from Drive’s offset when it is %s',
    async (_, name, keyed) => {
      const path = written(name, bytes);
      google().calls.clear();
      // The command is stopped while it sends its third chunk.
      const slow = google().faults.add({ method: 'PUT', nth: [3], fault: { kind: 'delay', ms: 60_000 } });
      expect(slow).toHaveLength(1);
      const cut = await call(['--json', 'send', path], {
        watch(child) {
          const timer = setInterval(() => {
            if (google().calls.count({ method: 'PUT' }) < 3) return;
            clearInterval(timer);
            child.kill('SIGINT');
          }, 20);
          child.once('exit', () => clearInterval(timer));
        },
      });
      google().faults.clear();
      expect(cut.code).toBe(130);
      const { error } = JSON.parse(cut.stdout) as Problem;
      expect(error).toMatchObject({ code: 'stopped', retryable: true, exitCode: 130 });
      const [session = ''] = cachedSessions();
      // Anybody who has the session's address can write the file.
      expect(statSync(join(folder(), 'drive-courier', 'sessions', session)).mode & 0o777).toBe(0o600);

      google().calls.clear();
      const { code, value } = await json(['send', path, ...keyed(error.idempotencyKey ?? '')]);
      expect([code, value.sha256, value.outcome]).toEqual([0, hash('sha256', bytes), 'created']);
      const again = google()
        .calls.list({ method: 'PUT' })
        .reduce((sum, { requestBytes }) => sum + requestBytes, 0);
      expect(again).toBeLessThanOrEqual(bytes.length - 32 * MEBIBYTE);
      expect(google().calls.count({ method: 'POST', path: /\/upload\/drive/ })).toBe(0);
      expect(named(name)).toHaveLength(1);
      expect(cachedSessions()).toEqual([]);
    },
    120_000,
  );

  test('recovers from a broken connection, a forgotten chunk and a lost last response within one run', async () => {
    google().faults.add([
      { method: 'PUT', nth: [2], fault: { kind: 'reset', when: 'during', afterBytes: 5 * MEBIBYTE } },
      { method: 'PUT', nth: [4], fault: { kind: 'partial', storeAtMostBytes: MEBIBYTE } },
      { method: 'PUT', nth: [7], fault: { kind: 'status', status: 503 } },
    ]);
    const { code, value } = await json(['send', written('rough.zip', bytes)]);
    google().faults.clear();
    expect([code, value.sha256]).toEqual([0, hash('sha256', bytes)]);
    expect(named('rough.zip')).toHaveLength(1);
  }, 120_000);

  test('a session that Drive has forgotten is restarted, and there is still one file', async () => {
    google().faults.add({ method: 'PUT', nth: [3], fault: { kind: 'forget-session' } });
    const { code, value } = await json(['send', written('forgotten.zip', bytes)]);
    google().faults.clear();
    expect([code, value.sha256]).toEqual([0, hash('sha256', bytes)]);
    expect(named('forgotten.zip')).toHaveLength(1);
  }, 120_000);

  test('one corrupted stored byte is detected at the end, and no file remains', async () => {
    google().faults.add({ method: 'PUT', nth: [2], fault: { kind: 'corrupt', offset: 7 } });
    const { code, value } = await json<Problem>(['send', written('corrupt.zip', bytes)]);
    google().faults.clear();
    expect([code, value.error.code]).toEqual([1, 'digest-mismatch']);
    expect(named('corrupt.zip').filter(({ trashed }) => !trashed)).toEqual([]);
  }, 120_000);

  test('a large file replaces a read-only one through the courier, and is read-only again', async () => {
    const flags = ['--to', 'locked', '--on-conflict', 'replace'];
    const first = await json(['send', written('locked.bin', 'x'), ...flags]);
    const second = await json(['send', written('locked.bin', bytes), ...flags]);
    expect(second.value).toMatchObject({ id: first.value.id, outcome: 'replaced', sha256: hash('sha256', bytes) });
    expect(google().drive.state.store.files.get(first.value.id)?.contentRestriction).toBeDefined();
  }, 120_000);

  test('a large file keeps its times and gets its properties', async () => {
    const large = written('dated.zip', bytes);
    utimesSync(large, 1_600_000_000, 1_600_000_000);
    const flags = ['--preserve-times', '--property', 'order=1'];
    const { code, value } = await json(['send', large, ...flags]);
    const time = '2020-09-13T12:26:40.000Z';
    expect([code, value.modifiedTime, value.createdTime]).toEqual([0, time, time]);
  }, 120_000);

  test('a large file for a destination that converts or skips does not use an upload session', async () => {
    const large = written('large.csv', Buffer.concat([Buffer.from('a\r\n'), Buffer.alloc(9 * MEBIBYTE, 'x,y\r\n')]));
    expect((await json(['send', large, '--to', 'once'])).value.outcome).toBe('created');
    expect((await json(['send', large, '--to', 'once'])).value.outcome).toBe('skipped');
    expect(named('large.csv')).toHaveLength(1);
  }, 120_000);
});
