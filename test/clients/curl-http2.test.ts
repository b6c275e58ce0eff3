import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Entry, startEntry } from '../support/http/http-forms.ts';
import { findCurlWithHttp2 } from '../support/processes/programs.ts';

/**
 * curl drops the response to a rejected request when a reset of its stream arrives together with it. That depends on
 * timing, so each case runs often enough that a faulty server does not pass by luck.
 */
const RUNS = 10;
const SIZES = [3, 10_000, 200_000, 1_000_000];

const curl = findCurlWithHttp2();
if (curl === undefined) {
  console.warn(
    'SKIPPED: no curl with HTTP/2 here (Debian: curl), so it is not tested whether it reads why it is refused.',
  );
}

(curl === undefined ? describe.skip : describe)(`curl ${curl?.version ?? ''} over HTTP/2`, () => {
  let entry: Entry;
  let folder: string;
  beforeAll(async () => {
    entry = await startEntry('h2c');
    folder = mkdtempSync(join(tmpdir(), 'courier-curl-'));
  });
  afterAll(async () => {
    await entry.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** Sends bytes from a file with its length, or from standard input without one. */
  const send = (bytes: Buffer, isAnnounced: boolean, token: string): Promise<string> =>
    new Promise((resolve) => {
      const path = join(folder, 'body');
      writeFileSync(path, bytes);
      const body = isAnnounced ? ['--data-binary', `@${path}`] : ['--request', 'POST', '--upload-file', '-'];
      const child = execFile(
        curl?.command ?? '',
        [
          ...['--disable', '--silent', '--show-error', '--http2-prior-knowledge', '--noproxy', '*', '--max-time', '30'],
          ...['--header', `Authorization: Bearer ${token}`, '--write-out', ' %{http_code}', ...body],
          `http://127.0.0.1:${entry.port}/v1/files?name=a`,
        ],
        (_, stdout, stderr) => {
          const [, code, status] = /"code":"([^"]+)".* (\d{3})$/s.exec(stdout) ?? [];
          resolve(code === undefined ? `${stdout}${stderr}` : `${status} ${code}`);
        },
      );
      // curl may end before it has read all of it.
      child.stdin?.on('error', () => undefined).end(isAnnounced ? undefined : bytes);
    });

  const cases = SIZES.flatMap((bytes) => [
    { bytes, isAnnounced: true, kind: 'from a file' },
    { bytes, isAnnounced: false, kind: 'without a length' },
  ]);
  test.each(cases)('reads every error response for $bytes bytes $kind', async ({ bytes, isAnnounced }) => {
    const answers: string[] = [];
    for (let run = 0; run < RUNS; run += 1) answers.push(await send(Buffer.alloc(bytes, 'x'), isAnnounced, 'bad'));
    expect(answers).toEqual(Array(RUNS).fill('401 token-invalid'));
  });

  test.each(cases)('delivers $bytes bytes $kind', async ({ bytes, isAnnounced }) => {
    expect(await send(Buffer.alloc(bytes, 'x'), isAnnounced, 'good')).toMatch(/"size":\d+.* 201$/s);
    expect(entry.services.delivered.at(-1)?.bytes).toHaveLength(bytes);
  });
});
