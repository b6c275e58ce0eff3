import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { CourierProcess } from '../../local/courier-process.ts';
import { type LocalGoogle, startLocalGoogle } from '../../local/google/server.ts';
import { hex, noise } from '../local/drive/uploads/uploading.ts';
import { AUDIENCE, startCourierIn } from '../support/courier/courier-in-world.ts';
import { formOf, formType } from '../support/http/form-bodies.ts';
import { findHttpx, findJava, findRequestsToolbelt, findWget, type Program } from '../support/processes/programs.ts';

/** Third-party programs that send files to a real courier process, each with its own way to write a request. */

interface Answer {
  status: number;
  body: Record<string, unknown>;
}

const NAME = 'Zahlen für März – 数.csv';
/** 70 characters, the maximum (RFC 2046, 5.1.1). */
const LONG_BOUNDARY = '------------------------_Part_1.'.padEnd(70, 'x');
const BYTES = noise(700_001);

let google: LocalGoogle;
let courier: CourierProcess;
let folder: string;
let file: string;
let token: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'courier-sending-'));
  file = join(folder, 'sent.bin');
  writeFileSync(file, BYTES);
  google = await startLocalGoogle();
  const { emails, keyFiles } = google.world;
  token = google.world.idToken({ email: emails.exporter, audience: AUDIENCE });
  courier = await startCourierIn(google, {
    config: {
      destinations: {
        reports: { folder: google.places.sharedDriveFolder, credentials: 'main', callers: [emails.exporter] },
      },
      credentials: { main: { file: keyFiles.courier } },
    },
  });
}, 120_000);
afterAll(async () => {
  await courier?.stop();
  await google?.close();
  rmSync(folder, { recursive: true, force: true });
});

const run = async ({ command, env }: Program, args: readonly string[]): Promise<string> => {
  const { PATH = '' } = process.env;
  const { stdout } = await promisify(execFile)(command, args, {
    cwd: folder,
    env: { PATH, LANG: 'C.UTF-8', ...env },
    timeout: 100_000,
  });
  return stdout;
};

const expectDelivered = ({ status, body }: Answer, facts: Record<string, unknown>): void => {
  const sha256 = hex('sha256', BYTES);
  const expected = { status: 201, outcome: 'created', name: NAME, mimeType: 'text/csv', size: BYTES.length, sha256 };
  expect({ ...body, status }).toMatchObject({ ...expected, ...facts });
  expect(hex('sha256', google.drive.bytesOf(String(body.id)))).toBe(sha256);
};

/** The expected result of a request, by the first words of its name. */
const EXPECTATIONS: Readonly<Record<string, (answer: Answer) => void>> = {
  raw: (answer) => expectDelivered(answer, { path: 'raw' }),
  form: (answer) => {
    expectDelivered(answer, { path: 'form/ü' });
    expect(google.drive.files().find(({ id }) => id === answer.body.id)?.description).toBe('Größe: 3 µm');
  },
  refused: ({ status, body }) => expect({ ...body, status }).toMatchObject({ status: 401, code: 'token-invalid' }),
};

/** Checks a program's output: a JSON object with a response for each of these requests, and no others. */
const expectAnswers = (printed: string, requests: readonly string[]): void => {
  const answers = JSON.parse(printed) as Record<string, Answer>;
  expect(Object.keys(answers)).toEqual(requests);
  for (const [request, answer] of Object.entries(answers)) {
    const [kind = ''] = /raw|form|refused/.exec(request) ?? [];
    EXPECTATIONS[kind]?.(answer);
  }
};

/** The arguments of each program. */
const args = () => [courier.url, token, file, encodeURIComponent(NAME), LONG_BOUNDARY];

/** The tests of one program. They are skipped, with a warning, where it is absent. */
const describeProgram = (
  name: string,
  program: Program | undefined,
  source: string,
  define: (found: Program) => void,
): void => {
  if (program !== undefined) {
    describe(`${name} ${program.version}`, () => define(program));
    return;
  }
  console.warn(`SKIPPED: ${name} is absent (${source}), so it is not tested how it sends files to the courier.`);
  test.skip(`${name} is absent`, () => undefined);
};

describeProgram('Java’s HttpClient', findJava(), 'Debian: default-jdk-headless', (java) => {
  const requests = [
    'raw',
    'raw, streamed',
    'form',
    'form, in pieces without a length',
    'raw, after 100 Continue',
    'refused',
  ];
  test('sends files and forms, by default and restricted to HTTP/1.1', async () => {
    const source = join(import.meta.dirname, 'SendFiles.java');
    const printed = await run(java, ['-Dfile.encoding=UTF-8', source, ...args()]);
    expectAnswers(
      printed,
      ['default', 'HTTP/1.1'].flatMap((version) => requests.map((request) => `${version}: ${request}`)),
    );
  }, 120_000);
});

/** The common beginning of both Python programs. */
const PYTHON_HEAD = `
import json, sys
url, token, path, name, boundary = sys.argv[1:6]
from urllib.parse import unquote
target = url + '/v1/files?path=raw&name=' + name
headers = {'Authorization': 'Bearer ' + token}
csv = {**headers, 'Content-Type': 'text/csv'}
answers = {}
def keep(request, response): answers[request] = {'status': response.status_code, 'body': response.json()}
def pieces():
    with open(path, 'rb') as file:
        while piece := file.read(10007): yield piece
`;
const PYTHON_TAIL = '\nprint(json.dumps(answers))';

describeProgram('requests-toolbelt', findRequestsToolbelt(), 'Debian: python3-requests-toolbelt', (python) => {
  test('sends files and forms, buffered and streamed', async () => {
    const script = `${PYTHON_HEAD}
import requests
from requests_toolbelt import MultipartEncoder
def form(boundary=None):
    with open(path, 'rb') as file:
        encoder = MultipartEncoder(boundary=boundary, fields=[
            ('path', 'form/ü'), ('description', 'Größe: 3 µm'), ('file', (unquote(name), file, 'text/csv'))])
        return requests.post(url + '/v1/files', data=encoder, headers={**headers, 'Content-Type': encoder.content_type})
keep('form', form())
keep('form, long boundary', form(boundary))
with open(path, 'rb') as file:
    fields = [('path', (None, 'form/ü')), ('description', (None, 'Größe: 3 µm')), ('file', (unquote(name), file, 'text/csv'))]
    keep('form, of requests alone', requests.post(url + '/v1/files', files=fields, headers=headers))
with open(path, 'rb') as file: keep('raw', requests.post(target, data=file, headers=csv))
keep('raw, streamed', requests.post(target, data=pieces(), headers=csv))
with open(path, 'rb') as file:
    keep('refused', requests.post(target, data=file, headers={**csv, 'Authorization': 'Bearer wrong'}))
${PYTHON_TAIL}`;
    const printed = await run(python, ['-W', 'ignore', '-c', script, ...args()]);
    const forms = ['form', 'form, long boundary', 'form, of requests alone'];
    expectAnswers(printed, [...forms, 'raw', 'raw, streamed', 'refused']);
  });
});

describeProgram('httpx', findHttpx(), 'Debian: python3-httpx', (python) => {
  test('sends files and forms, buffered and streamed', async () => {
    const script = `${PYTHON_HEAD}
import httpx
client = httpx.Client(timeout=60)
def form(**more):
    with open(path, 'rb') as file:
        return client.post(url + '/v1/files', data={'path': 'form/ü', 'description': 'Größe: 3 µm'},
            files={'file': (unquote(name), file, 'text/csv')}, headers={**headers, **more})
keep('form', form())
keep('form, long boundary', form(**{'Content-Type': 'multipart/form-data; boundary=' + boundary}))
with open(path, 'rb') as file: keep('raw', client.post(target, content=file.read(), headers=csv))
keep('raw, streamed', client.post(target, content=pieces(), headers=csv))
keep('refused', client.post(target, content=pieces(), headers={**csv, 'Authorization': 'Bearer wrong'}))
${PYTHON_TAIL}`;
    const printed = await run(python, ['-W', 'ignore', '-c', script, ...args()]);
    expectAnswers(printed, ['form', 'form, long boundary', 'raw', 'raw, streamed', 'refused']);
  });
});

describeProgram('wget', findWget(), 'Debian: wget', (wget) => {
  /** wget prints the body to stdout and the status line to stderr, and exits with 6 or 8 when it is an error. */
  const send = async (target: string, headers: readonly string[], body = file): Promise<Answer> => {
    const options = ['--no-config', '--tries=1', '--timeout=60', '--quiet', '--server-response', '--content-on-error'];
    const lines = headers.map((line) => `--header=${line}`);
    const { stdout, stderr } = await promisify(execFile)(
      wget.command,
      [...options, ...lines, `--post-file=${body}`, '--output-document=-', `${courier.url}${target}`],
      { env: { PATH: process.env.PATH, LANG: 'C.UTF-8' }, timeout: 60_000 },
    ).catch((error: { stdout: string; stderr: string }) => error);
    const [, status] = /HTTP\/1\.1 (\d{3})/.exec(stderr) ?? [];
    return { status: Number(status), body: JSON.parse(stdout || '{}') as Answer['body'] };
  };
  const authorized = () => `Authorization: Bearer ${token}`;

  test('sends a file whose name is in the URL', async () => {
    const answer = await send(`/v1/files?path=raw&name=${NAME}`, [authorized(), 'Content-Type: text/csv']);
    EXPECTATIONS.raw?.(answer);
  });

  test('sends a file whose name is in Content-Disposition', async () => {
    const disposition = `Content-Disposition: attachment; filename*=UTF-8''${encodeURIComponent(NAME)}`;
    const answer = await send('/v1/files?path=raw', [authorized(), disposition, 'Content-Type: text/csv']);
    EXPECTATIONS.raw?.(answer);
  });

  test('sends a file with its default type for bodies', async () => {
    const { status, body } = await send('/v1/files?name=plain', [authorized()]);
    expect({ ...body, status }).toMatchObject({ status: 201, mimeType: 'application/octet-stream' });
  });

  test('sends a form that was written to a file', async () => {
    const form = join(folder, 'form');
    const field = (name: string, value: string) => ({ name, value });
    const parts = [field('path', 'form/ü'), field('description', 'Größe: 3 µm')];
    const filePart = { name: 'file', fileName: NAME, type: 'text/csv', value: BYTES };
    writeFileSync(form, formOf([...parts, filePart], LONG_BOUNDARY));
    const answer = await send('/v1/files', [authorized(), `Content-Type: ${formType(LONG_BOUNDARY)}`], form);
    EXPECTATIONS.form?.(answer);
  });

  test('reads the error response', async () => {
    // wget itself drops the body of every 401.
    expect((await send('/v1/files?name=a', ['Authorization: Bearer wrong'])).status).toBe(401);
    const { status, body } = await send('/v1/files?name=a/b', [authorized()]);
    expect({ ...body, status }).toMatchObject({ status: 400, code: 'name-invalid' });
  });
});
