import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { GRANULE, hex, MIB, noise } from '../../local/drive/uploads/uploading.ts';
import { startJudgedGoogle } from '../../support/drive/judged-google.ts';
import { findPythonClient } from '../../support/processes/programs.ts';

jest.setTimeout(60_000);
const execute = promisify(execFile);
const IMPORTS =
  'import googleapiclient.discovery, googleapiclient.http, google.oauth2.service_account, google_auth_httplib2';
const python = findPythonClient();
if (python === undefined)
  console.warn(
    'SKIPPED: no python3 with googleapiclient here (Debian: python3-googleapi), so it does not judge uploads to the local Drive.',
  );

/** The Drive client as its users have it: from the discovery document, with only the address replaced. */
const HEAD = `
import io, json, sys
${IMPORTS}
from googleapiclient.errors import HttpError
from googleapiclient.http import MediaFileUpload, MediaIoBaseUpload
origin, key, folder, path = sys.argv[1:5]
credentials = google.oauth2.service_account.Credentials.from_service_account_file(key, scopes=['https://www.googleapis.com/auth/drive'])
document = json.load(open(sys.argv[5]))
document['rootUrl'] = origin + '/www.googleapis.com/'
document.pop('mtlsRootUrl', None)
drive = googleapiclient.discovery.build_from_document(document, credentials=credentials)
FIELDS = 'id,name,mimeType,size,md5Checksum,sha256Checksum'
create = lambda media, body=None: drive.files().create(body=body, media_body=media, fields=FIELDS, supportsAllDrives=True)
`;

(python === undefined ? describe.skip : describe)('Python’s googleapiclient', () => {
  let google: Awaited<ReturnType<typeof startJudgedGoogle>>;
  let folder: string;
  beforeAll(async () => {
    google = await startJudgedGoogle();
  });
  afterEach(() => google.faults.clear());
  afterAll(async () => {
    rmSync(folder, { recursive: true, force: true });
    // The requests that a fault interrupted, and those that are expected to fail.
    await google.judge([
      '0 PUT www.googleapis.com/upload/drive/v3/files',
      '404 POST www.googleapis.com/upload/drive/v3/files',
    ]);
  });

  const run = async (script: string, bytes: Buffer, name = 'sent.bin') => {
    folder ??= mkdtempSync(join(tmpdir(), 'python-uploads-'));
    const path = join(folder, name);
    writeFileSync(path, bytes);
    const discovery = new URL('../../../local/google/drive/discovery/drive-v3.discovery.json', import.meta.url)
      .pathname;
    const { keyFiles } = google.world;
    const args = [
      '-W',
      'ignore',
      '-c',
      HEAD + script,
      google.origin,
      keyFiles.courier ?? '',
      google.places.sharedDrive,
      path,
      discovery,
    ];
    const { PATH = '' } = process.env;
    const { stdout } = await execute(python?.command ?? '', args, {
      env: { PATH, NO_GCE_CHECK: 'true', ...python?.env },
    });
    return JSON.parse(stdout);
  };
  const IN_FOLDER = "{'name': 'from python', 'parents': [folder]}";

  test('simple: only bytes, into an existing file', async () => {
    const bytes = noise(100_000);
    const id = google.drive.putFile({ name: 'old', bytes: 'old', parent: google.places.sharedDrive });
    const file = await run(
      `print(json.dumps(drive.files().update(fileId='${id}', media_body=MediaFileUpload(path, mimetype='image/png'), fields=FIELDS, supportsAllDrives=True).execute()))`,
      bytes,
    );
    expect(file).toMatchObject({ id, mimeType: 'image/png', size: '100000', sha256Checksum: hex('sha256', bytes) });
    expect(google.calls.list({ method: 'PATCH' }).at(-1)?.query).toContain('uploadType=media');
  });

  test.each([
    ['text', Buffer.from('a,b\r\n1,2\r\nFrom here on\n\n--\n')],
    ['bytes', noise(300_001)],
    ['nothing', Buffer.alloc(0)],
  ])('multipart, of %s', async (_, bytes) => {
    const file = await run(
      `print(json.dumps(create(MediaFileUpload(path, mimetype='text/csv'), ${IN_FOLDER}).execute()))`,
      bytes,
    );
    expect(file).toMatchObject({
      name: 'from python',
      mimeType: 'text/csv',
      size: String(bytes.length),
      md5Checksum: hex('md5', bytes),
    });
    expect(hex('sha256', google.drive.bytesOf(file.id))).toBe(hex('sha256', bytes));
    expect(google.calls.list({ method: 'POST' }).at(-1)?.query).toContain('uploadType=multipart');
  });

  const CHUNKS = `
request = create(media, ${IN_FOLDER})
progress, response = [], None
while response is None:
    status, response = request.next_chunk()
    if status: progress.append(status.resumable_progress)
print(json.dumps([response, progress]))`;

  test('resumable, in chunks: it sees each one stored', async () => {
    const bytes = noise(MIB + 12345);
    const [file, progress] = await run(
      `media = MediaFileUpload(path, mimetype='application/zip', chunksize=2 * 256 * 1024, resumable=True)${CHUNKS}`,
      bytes,
    );
    expect(progress).toEqual([2 * GRANULE, 4 * GRANULE]);
    expect(file).toMatchObject({ mimeType: 'application/zip', sha256Checksum: hex('sha256', bytes) });
  });

  test('resumable, from a stream of unknown length', async () => {
    const bytes = noise(2 * GRANULE + 7);
    const script = `
class Pipe(MediaIoBaseUpload):
    def size(self): return None
    def has_stream(self): return False
media = Pipe(open(path, 'rb'), mimetype='text/plain', chunksize=256 * 1024, resumable=True)${CHUNKS}`;
    const [file, progress] = await run(script, bytes);
    expect(progress).toEqual([GRANULE, 2 * GRANULE]);
    expect(file.sha256Checksum).toBe(hex('sha256', bytes));
  });

  test('resumable, despite 503s and partially stored chunks: it resumes at Drive’s offset', async () => {
    google.faults.add([
      { method: 'PUT', nth: [2, 6], fault: { kind: 'status', status: 503 } },
      { method: 'PUT', nth: [1, 5], fault: { kind: 'partial', storeAtMostBytes: GRANULE } },
    ]);
    const bytes = noise(2 * MIB + 1);
    // Without num_retries, with which it would resend a stream that it has already read.
    const script = `
request = create(MediaFileUpload(path, mimetype='text/plain', chunksize=2 * 256 * 1024, resumable=True), ${IN_FOLDER})
response = None
while response is None:
    try: status, response = request.next_chunk()
    except HttpError as error:
        if error.resp.status != 503: raise
print(json.dumps(response))`;
    const file = await run(script, bytes);
    expect(google.faults.list().map(({ fired }) => fired)).toEqual([2, 2]);
    expect(hex('sha256', google.drive.bytesOf(file.id))).toBe(hex('sha256', bytes));
    expect(google.drive.files().filter(({ id }) => id === file.id)).toHaveLength(1);
  });

  test('resumable, after a broken connection: it queries the offset and resumes', async () => {
    google.faults.add({ method: 'PUT', nth: 2, fault: { kind: 'reset', when: 'during', afterBytes: GRANULE + 10 } });
    const bytes = noise(MIB + 1);
    const script = `
request = create(MediaFileUpload(path, mimetype='text/plain', chunksize=2 * 256 * 1024, resumable=True), ${IN_FOLDER})
response, broken = None, 0
while response is None:
    try: status, response = request.next_chunk()
    except (OSError, Exception) as error:
        if isinstance(error, HttpError) or broken > 3: raise
        broken += 1
print(json.dumps([response, broken]))`;
    const [file, broken] = await run(script, bytes);
    expect(broken).toBe(1);
    expect(file.sha256Checksum).toBe(hex('sha256', bytes));
  });

  test('reads the error reason', async () => {
    const script = `
try: create(MediaFileUpload(path, resumable=True, mimetype='text/plain'), {'name': 'x', 'parents': ['nowhere']}).execute()
except HttpError as error: print(json.dumps([int(error.resp.status), str(error)]))`;
    const [status, text] = await run(script, Buffer.from('x'));
    expect([status, text]).toEqual([404, expect.stringContaining('File not found: nowhere.')]);
  });
});
