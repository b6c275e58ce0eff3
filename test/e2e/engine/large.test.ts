import { spawn, spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type CourierProcess, startCourierProcess } from '../../../local/courier-process.ts';
import { AUDIENCE, demoConfig } from '../../../local/demo/config.ts';
import { type LocalGoogle, startLocalGoogle } from '../../../local/google/server.ts';
import type { Receipt } from '../../../src/domain.ts';

const MIB = 1024 ** 2;
const TIMEOUT_MS = 300_000;
const hasCurl = spawnSync('curl', ['--version'], { encoding: 'utf8' }).stdout?.includes('HTTP2') ?? false;
if (!hasCurl) console.warn('SKIPPED: a large body over h2c, because there is no curl that knows HTTP/2.');

let google: LocalGoogle;
let courier: CourierProcess;
let authorization: string;
beforeAll(async () => {
  google = await startLocalGoogle();
  courier = await startCourierProcess({
    env: {
      COURIER_CONFIG: JSON.stringify({ ...demoConfig(google), limits: { bufferBytes: 64 * MIB } }),
      COURIER_GOOGLE_ORIGIN: google.origin,
      GCE_METADATA_HOST: google.metadataHost,
    },
  });
  authorization = `Bearer ${google.world.idToken({ email: google.world.emails.exporter, audience: AUDIENCE })}`;
}, TIMEOUT_MS);
afterAll(async () => {
  await courier?.stop();
  await google?.close();
});

/** The peak memory of the process in bytes, or undefined where the system does not report it. */
const peakResidentBytes = (pid: number | undefined): number | undefined => {
  const path = `/proc/${pid}/status`;
  const [, kibibytes] = existsSync(path) ? (/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(path, 'utf8')) ?? []) : [];
  return kibibytes === undefined ? undefined : Number(kibibytes) * 1024;
};

(hasCurl ? test : test.skip)(
  '512 MiB of unknown size over h2c, by curl from its standard input, land whole and are never held whole',
  async () => {
    const size = 512 * MIB;
    const hash = createHash('sha256');
    const bytes = function* (): Generator<Buffer> {
      const piece = randomBytes(MIB);
      for (let at = 0; at < size; at += MIB) {
        piece.writeUInt32LE(at / MIB);
        hash.update(piece);
        yield Buffer.from(piece);
      }
    };
    const curl = spawn(
      'curl',
      [
        ...['--silent', '--show-error', '--http2-prior-knowledge', '--request', 'POST', '--upload-file', '-'],
        ...['--header', `Authorization: ${authorization}`, '--write-out', '\n%{http_version}'],
        `${courier.url}/v1/files?name=large.bin`,
      ],
      { stdio: ['pipe', 'pipe', 'inherit'] },
    );
    const exited = once(curl, 'exit');
    const answered = text(curl.stdout);
    Readable.from(bytes(), { objectMode: false }).pipe(curl.stdin);
    const [body = '', version] = (await answered).split('\n');
    expect([await exited, version]).toEqual([[0, null], '2']);
    const receipt = JSON.parse(body) as Receipt;
    const sha256 = hash.digest('hex');
    expect(receipt).toMatchObject({ outcome: 'created', size, sha256 });
    expect(google.drive.files().filter(({ name }) => name === 'large.bin')).toMatchObject([{ size, sha256 }]);
    expect(peakResidentBytes(courier.child.pid) ?? 0).toBeLessThan(320 * MIB);
  },
  TIMEOUT_MS,
);

test('a session for 33 GiB is opened, and no log line contains its secret', async () => {
  const size = 33 * 1024 ** 3;
  const opened = await fetch(`${courier.url}/v1/uploads`, {
    method: 'POST',
    headers: { authorization, 'content-type': 'application/json' },
    body: JSON.stringify({ name: 'film.mov', mimeType: 'video/quicktime', size, path: 'films' }),
  });
  expect(opened.status).toBe(201);
  const { id, uploadUrl, chunkGranularity } = (await opened.json()) as Record<string, string>;
  expect(chunkGranularity).toBe(262_144);
  const range = { 'content-range': `bytes 0-262143/${size}` };
  expect((await fetch(uploadUrl ?? '', { method: 'PUT', headers: range, body: randomBytes(262_144) })).status).toBe(
    308,
  );
  const completed = await fetch(`${courier.url}/v1/uploads/${id}/complete`, {
    method: 'POST',
    headers: { authorization, 'content-type': 'application/json' },
    body: '{}',
  });
  expect([completed.status, await completed.json()]).toMatchObject([
    409,
    { code: 'upload-incomplete', detail: `Drive has 262144 of ${size} bytes.` },
  ]);
  const secret = new URL(uploadUrl ?? '').searchParams.get('upload_id') ?? '';
  expect(secret.length).toBeGreaterThan(20);
  expect(courier.lines.join('\n')).not.toContain(secret);
});
