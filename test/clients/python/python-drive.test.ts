import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { startJudgedGoogle } from '../../support/drive/judged-google.ts';
import { findPythonClient } from '../../support/processes/programs.ts';

jest.setTimeout(60_000);
const execute = promisify(execFile);

const python = findPythonClient();
if (python === undefined)
  console.warn(
    'SKIPPED: no python3 with googleapiclient here (Debian: python3-googleapi), so it does not judge the local Drive.',
  );

/** The unmodified client. It takes Drive's address from Google's description of Drive, where it is replaced here. */
const PREAMBLE = `
import io, json, sys
from google.oauth2 import service_account
from googleapiclient.discovery import build_from_document
from googleapiclient.errors import HttpError
from googleapiclient.http import MediaIoBaseDownload, MediaIoBaseUpload
key, document, origin, places = sys.argv[1], json.load(open(sys.argv[2])), sys.argv[3], json.loads(sys.argv[4])
document['rootUrl'] = origin + '/www.googleapis.com/'
document['baseUrl'] = document['rootUrl'] + 'drive/v3/'
credentials = service_account.Credentials.from_service_account_file(key, scopes=['https://www.googleapis.com/auth/drive'])
drive = build_from_document(document, credentials=credentials)
files, shared = drive.files(), places['sharedDrive']
out = {}
def reason(request):
    try:
        request.execute()
        return 'none'
    except HttpError as error:
        return '%s %s' % (error.resp.status, json.loads(error.content.decode())['error']['errors'][0]['reason'])
`;

(python === undefined ? describe.skip : describe)('Python’s googleapiclient', () => {
  let google: Awaited<ReturnType<typeof startJudgedGoogle>>;
  beforeAll(async () => {
    google = await startJudgedGoogle();
  });
  // The requests that are expected to fail.
  afterAll(() =>
    google.judge([
      '400 GET www.googleapis.com/drive/v3/files',
      '404 GET www.googleapis.com/drive/v3/files/{id}',
      '404 GET www.googleapis.com/drive/v3/files/{id}/permissions/{id}',
      '501 GET www.googleapis.com/drive/v3/changes/startPageToken',
    ]),
  );

  const run = async (script: string): Promise<Record<string, unknown>> => {
    const document = new URL('../../../local/google/drive/discovery/drive-v3.discovery.json', import.meta.url).pathname;
    const places = JSON.stringify(google.places);
    const { PATH = '' } = process.env;
    const { courier = '' } = google.world.keyFiles;
    const { stdout } = await execute(
      python?.command ?? '',
      ['-W', 'ignore', '-c', `${PREAMBLE}${script}\nprint(json.dumps(out))`, courier, document, google.origin, places],
      { env: { PATH, NO_GCE_CHECK: 'true', ...python?.env } },
    );
    return JSON.parse(stdout) as Record<string, unknown>;
  };

  test('lists, gets and updates', async () => {
    google.drive.putFile({ name: "Valentine's \\ Day", bytes: 'abc', parent: google.places.sharedDriveFolder });
    const out = await run(`
q = "name = 'Valentine\\\\'s \\\\\\\\ Day' and '%s' in parents and trashed = false" % places['sharedDriveFolder']
found = files.list(q=q, fields='files(id,name)', supportsAllDrives=True, includeItemsFromAllDrives=True, corpora='drive', driveId=shared).execute()['files']
out['found'] = [file['name'] for file in found]
id = found[0]['id']
out['file'] = files.get(fileId=id, fields='size,parents,driveId', supportsAllDrives=True).execute()
out['updated'] = files.update(fileId=id, body={'name': 'new', 'appProperties': {'k': 'v'}}, fields='name,appProperties', supportsAllDrives=True).execute()
out['pages'] = 0
request = files.list(q="'%s' in parents" % shared, pageSize=1, supportsAllDrives=True, includeItemsFromAllDrives=True)
while request is not None:
    answer = request.execute()
    out['pages'] += 1
    request = files.list_next(request, answer)
long = ' or '.join("name = 'none %d'" % n for n in range(300))
out['long'] = files.list(q=long, fields='files/id').execute()
`);
    const inFolder = google.drive.files({ folder: google.places.sharedDrive }).length;
    expect(out).toEqual({
      found: ["Valentine's \\ Day"],
      file: { size: '3', parents: [google.places.sharedDriveFolder], driveId: google.places.sharedDrive },
      updated: { name: 'new', appProperties: { k: 'v' } },
      pages: inFolder,
      long: { files: [] },
    });
  });

  test('creates and deletes permissions', async () => {
    const out = await run(`
id = files.create(body={'name': 'p', 'parents': [shared]}, supportsAllDrives=True).execute()['id']
permissions = drive.permissions()
made = permissions.create(fileId=id, body={'type': 'group', 'role': 'commenter', 'emailAddress': 'sales@example.com'}, sendNotificationEmail=False, supportsAllDrives=True).execute()
out['roles'] = sorted(p['role'] for p in permissions.list(fileId=id, supportsAllDrives=True).execute()['permissions'])
out['updated'] = permissions.update(fileId=id, permissionId=made['id'], body={'role': 'reader'}, fields='role', supportsAllDrives=True).execute()
permissions.delete(fileId=id, permissionId=made['id'], supportsAllDrives=True).execute()
out['gone'] = reason(permissions.get(fileId=id, permissionId=made['id'], supportsAllDrives=True))
`);
    expect(out).toEqual({
      roles: ['commenter', 'fileOrganizer', 'fileOrganizer', 'fileOrganizer', 'organizer', 'reader', 'writer'],
      updated: { role: 'reader' },
      gone: '404 notFound',
    });
    expect(google.drive.mails()).toEqual([]);
  });

  test('uploads in one request and in chunks, and downloads', async () => {
    const out = await run(`
def put(size, resumable):
    data = bytes(bytearray(n % 251 for n in range(size)))
    media = MediaIoBaseUpload(io.BytesIO(data), 'application/octet-stream', chunksize=262144, resumable=resumable)
    file = files.create(body={'name': 'u', 'parents': [shared]}, media_body=media, fields='id,size', supportsAllDrives=True).execute()
    target = io.BytesIO()
    download = MediaIoBaseDownload(target, files.get_media(fileId=file['id'], supportsAllDrives=True), chunksize=100000)
    done = False
    while not done:
        status, done = download.next_chunk()
    return [file['size'], target.getvalue() == data]
out['multipart'] = put(70000, False)
out['resumable'] = put(700000, True)
`);
    expect(out).toEqual({ multipart: ['70000', true], resumable: ['700000', true] });
  });

  test('gets error reasons', async () => {
    const out = await run(`
out['unshared'] = reason(files.get(fileId=places['unsharedFolder']))
out['quota'] = reason(files.create(body={'name': 'x'}))
out['query'] = reason(files.list(q='name ='))
out['absent'] = reason(drive.changes().getStartPageToken())
`);
    expect(out).toEqual({
      unshared: '404 notFound',
      quota: '403 storageQuotaExceeded',
      query: '400 invalid',
      absent: '501 notImplemented',
    });
  });
});
