import { execFile } from 'node:child_process';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { type LocalGoogle, startLocalGoogle } from '../../local/google/server.ts';

const execute = promisify(execFile);
const root = join(import.meta.dirname, '../..');
/** A gcloud that records that it was started, and knows nothing. */
const folder = await mkdtemp(join(tmpdir(), 'courier-project-'));
const started = join(folder, 'started');
let google: LocalGoogle;

beforeAll(async () => {
  await writeFile(join(folder, 'gcloud'), `#!/bin/sh\necho yes >> '${started}'\nexit 1\n`);
  await chmod(join(folder, 'gcloud'), 0o755);
  google = await startLocalGoogle();
});
afterEach(() => rm(started, { force: true }));
afterAll(async () => {
  await google.close();
  await rm(folder, { recursive: true });
});

/** Runs in a separate process with its own PATH. */
const find = async (isPlatforms: boolean): Promise<{ project: string; asked: string[]; gcloud: boolean }> => {
  const program = `
    import { createRuntimeProject } from './src/credentials/runtime/runtime-project.ts';
    import { createTransport } from './src/google/create-transport.ts';
    import { createLog } from './src/log.ts';
    const transport = createTransport({ googleOrigin: '${google.origin}', log: createLog('error') });
    const asked = [];
    const fetch = (url, init) => {
      asked.push(new URL(url).pathname);
      return transport.fetch(url, init);
    };
    const project = await createRuntimeProject({ transport: { fetch }, isPlatforms: ${isPlatforms} })();
    console.log(JSON.stringify({ project, asked }));
    transport.close();`;
  const env = {
    PATH: [folder, process.env.PATH].join(delimiter),
    HOME: folder,
    CLOUDSDK_CONFIG: folder,
    GCE_METADATA_HOST: google.metadataHost,
  };
  const { stdout } = await execute(process.execPath, ['--input-type=module', '-e', program], { cwd: root, env });
  const gcloud = await readFile(started).then(
    () => true,
    () => false,
  );
  return { ...(JSON.parse(stdout) as { project: string; asked: string[] }), gcloud };
};

test('on the platform the project comes from the metadata server at once, without searching for programs at startup', async () => {
  const asked = ['/computeMetadata/v1/project/project-id'];
  expect(await find(true)).toEqual({ project: 'local-project', asked, gcloud: false });
}, 60_000);

test('elsewhere it is determined as Google’s libraries do, including gcloud', async () => {
  expect(await find(false)).toMatchObject({ project: 'local-project', gcloud: true });
}, 60_000);
