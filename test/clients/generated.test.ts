import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { CourierProcess } from '../../local/courier-process.ts';
import { type LocalGoogle, startLocalGoogle } from '../../local/google/server.ts';
import { AUDIENCE, startCourierIn } from '../support/courier/courier-in-world.ts';

/** Two generators make clients from /openapi.json as a user would: generated, type-checked, compiled and run. */

const ROOT = join(import.meta.dirname, '../..');
let google: LocalGoogle;
let courier: CourierProcess;
let folder: string;

/** In a separate process, since the local Google that it calls runs in this thread. */
const run = async (program: string, ...args: string[]): Promise<string> => {
  const { stdout } = await promisify(execFile)(program, args, {
    cwd: folder,
    env: { PATH: process.env.PATH, HOME: folder, NO_COLOR: '1' },
    timeout: 60_000,
  });
  return stdout;
};
const bin = (name: string): string => join(ROOT, 'node_modules/.bin', name);

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'courier-generated-'));
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  google = await startLocalGoogle();
  const { emails, keyFiles } = google.world;
  courier = await startCourierIn(google, {
    config: {
      operators: [emails.exporter],
      destinations: {
        reports: { folder: google.places.sharedDriveFolder, credentials: 'main', callers: [emails.exporter] },
      },
      credentials: { main: { file: keyFiles.courier } },
    },
  });
  const description = await fetch(`${courier.url}/openapi.json`);
  writeFileSync(join(folder, 'openapi.json'), await description.text());
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
}, 60_000);
afterAll(async () => {
  await courier?.stop();
  await google?.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Compiles a program strictly, as its user would, and returns its output. */
const results = async (name: string, program: string): Promise<Record<string, unknown>> => {
  const token = google.world.idToken({ email: google.world.emails.exporter, audience: AUDIENCE });
  const head = `const [url, token] = ${JSON.stringify([courier.url, token])};\n`;
  writeFileSync(join(folder, `${name}.ts`), program.replace('/* set-up */', head));
  const options = ['--strict', '--target', 'es2023', '--lib', 'es2023,dom,dom.iterable', '--module', 'nodenext'];
  await run(bin('tsc'), ...options, '--skipLibCheck', '--types', 'node', '--outDir', `out-${name}`, `${name}.ts`);
  return JSON.parse(await run(process.execPath, `out-${name}/${name}.js`)) as Record<string, unknown>;
};

const bytesOf = (id: unknown): string => google.drive.bytesOf(String(id)).toString();

/** What each of them must be able to do. */
const expectDelivered = (got: Record<string, unknown>, name: string): void => {
  expect(got.file).toMatchObject({ name: `${name} tést.csv`, mimeType: 'text/csv', path: 'a b/ü' });
  expect(bytesOf((got.file as { id: string }).id)).toBe('a,b\n1,2\n');
  expect(got.typed).toMatchObject({ mimeType: 'text/csv', outcome: 'created' });
  expect(got.form).toMatchObject({ name: `${name} form ü.txt`, mimeType: 'text/plain', outcome: 'created' });
  expect(bytesOf((got.form as { id: string }).id)).toBe('form');
  expect(got.exported).toMatchObject({ name: `${name}.csv`, idempotencyKey: `${name}-1` });
  expect(got.replayed).toMatchObject({ outcome: 'replayed', id: (got.exported as { id: string }).id });
  expect(got.upload).toMatchObject({ chunkGranularity: 262_144, uploadUrl: expect.stringMatching(/^http/) });
  expect(got.completed).toMatchObject({ outcome: 'created', size: 3 });
  expect(bytesOf((got.completed as { id: string }).id)).toBe('abc');
  expect(got.refused).toMatchObject({ status: 400, code: 'name-invalid', remedy: expect.any(String) });
  expect(got.unauthorized).toMatchObject({ status: 401, code: 'token-missing' });
  expect(got.doctor).toMatchObject({ ok: true });
  expect(got.destinations).toMatchObject({ destinations: [{ name: 'reports' }] });
};

describe('a client generated from the description', () => {
  test('by @hey-api/openapi-ts sends files, forms, exports and uploads, and reads errors', async () => {
    await run(bin('openapi-ts'), '--input', 'openapi.json', '--output', 'hey', '--client', '@hey-api/client-fetch');
    const sdk = readFileSync(join(folder, 'hey/sdk.gen.ts'), 'utf8');
    expect(sdk).not.toContain("'Content-Type': '*/*'");
    const got = await results(
      'hey-run',
      `
import { client } from './hey/client.gen.js';
import * as sdk from './hey/index.js';
/* set-up */
client.setConfig({ baseUrl: url, auth: token });
const csv = new Blob(['a,b\\n1,2\\n']);
const file = await sdk.deliverFile({ body: csv, query: { name: 'hey tést.csv', path: 'a b/ü' } });
const typed = await sdk.deliverFile({ body: csv, query: { name: 'hey.csv' }, headers: { 'Content-Type': 'text/csv' } as {} });
const data = new FormData();
data.append('destination', 'reports');
data.append('file', new File(['form'], 'hey form ü.txt', { type: 'text/plain' }));
const form = await sdk.deliverFile({ body: data as unknown as Blob, bodySerializer: null, headers: { 'Content-Type': null } as {} });
const document = { name: 'hey.csv', source: { rows: [{ a: 1 }] } };
const key = { headers: { 'Idempotency-Key': 'hey-1' } };
const exported = await sdk.deliverExport({ body: document, ...key });
const replayed = await sdk.deliverExport({ body: document, ...key });
const upload = await sdk.openUpload({ body: { name: 'hey.bin', mimeType: 'application/octet-stream', size: 3 } });
await fetch(upload.data!.uploadUrl, { method: 'PUT', body: 'abc', headers: { 'content-range': 'bytes 0-2/3' } });
const completed = await sdk.completeUpload({ path: { id: upload.data!.id }, body: {} });
const refused = await sdk.deliverFile({ body: csv, query: { name: 'a/b' } });
const unauthorized = await sdk.listDestinations({ auth: undefined });
const doctor = await sdk.checkSetUp({ query: { write: true } });
const destinations = await sdk.listDestinations();
// The type of an error has its code.
const code: 'request-invalid' | 'name-invalid' | (string & {}) | undefined = refused.error?.code;
console.log(JSON.stringify({
  file: file.data, typed: typed.data, form: form.data, exported: exported.data, replayed: replayed.data,
  upload: upload.data, completed: completed.data, refused: { ...refused.error, code }, unauthorized: unauthorized.error,
  doctor: doctor.data, destinations: destinations.data,
}));
`,
    );
    expectDelivered(got, 'hey');
  }, 120_000);

  test('by openapi-typescript, with openapi-fetch, does the same', async () => {
    await run(bin('openapi-typescript'), 'openapi.json', '--output', 'paths.d.ts');
    const got = await results(
      'fetch-run',
      `
import createClient from 'openapi-fetch';
import type { paths } from './paths.js';
/* set-up */
const client = createClient<paths>({ baseUrl: url, headers: { authorization: \`Bearer \${token}\` } });
const octets = { bodySerializer: (body: unknown) => body as BodyInit, headers: { 'content-type': 'application/octet-stream' } };
const csv = 'a,b\\n1,2\\n';
const file = await client.POST('/v1/files', { body: csv, params: { query: { name: 'fetch tést.csv', path: 'a b/ü' } }, ...octets });
const typed = await client.POST('/v1/files', { body: csv, params: { query: { name: 'fetch.csv' } }, ...octets, headers: { 'content-type': 'text/csv' } });
const form = await client.POST('/v1/files', {
  body: { destination: 'reports', file: '' },
  bodySerializer(body) {
    const data = new FormData();
    data.append('destination', (body as { destination: string }).destination);
    data.append('file', new File(['form'], 'fetch form ü.txt', { type: 'text/plain' }));
    return data;
  },
});
const document = { name: 'fetch.csv', source: { rows: [{ a: 1 }] } };
const key = { params: { header: { 'Idempotency-Key': 'fetch-1' } } };
const exported = await client.POST('/v1/exports', { body: document as never, ...key });
const replayed = await client.POST('/v1/exports', { body: document as never, ...key });
const upload = await client.POST('/v1/uploads', { body: { name: 'fetch.bin', mimeType: 'application/octet-stream', size: 3 } });
await fetch(upload.data!.uploadUrl, { method: 'PUT', body: 'abc', headers: { 'content-range': 'bytes 0-2/3' } });
const completed = await client.POST('/v1/uploads/{id}/complete', { params: { path: { id: upload.data!.id } }, body: {} });
const refused = await client.POST('/v1/files', { body: csv, params: { query: { name: 'a/b' } }, ...octets });
const unauthorized = await createClient<paths>({ baseUrl: url }).GET('/v1/destinations');
const doctor = await client.GET('/v1/doctor', { params: { query: { write: true } } });
const destinations = await client.GET('/v1/destinations');
console.log(JSON.stringify({
  file: file.data, typed: typed.data, form: form.data, exported: exported.data, replayed: replayed.data,
  upload: upload.data, completed: completed.data, refused: refused.error, unauthorized: unauthorized.error,
  doctor: doctor.data, destinations: destinations.data,
}));
`,
    );
    expectDelivered(got, 'fetch');
  }, 120_000);
});
