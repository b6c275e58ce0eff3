import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { afterAll, afterEach, expect, test } from '@jest/globals';
import { buildDist } from '../../scripts/build/build.ts';

const execute = promisify(execFile);
const root = join(import.meta.dirname, '../..');
const folder = await mkdtemp(join(tmpdir(), 'courier-npm-start-'));
const [project, empty] = [join(folder, 'project'), join(folder, 'empty')];
const dist = join(project, 'dist');
await buildDist(root, dist);
for (const place of [project, empty]) {
  await mkdir(place, { recursive: true });
  await cp(join(root, 'package.json'), join(place, 'package.json'));
}
await cp(join(root, 'scripts/start-function.ts'), join(empty, 'scripts/start-function.ts'));

const running: ChildProcess[] = [];
afterEach(() => {
  // Each one is a process group of its own: what is left of it is stopped here.
  for (const { pid } of running.splice(0)) {
    try {
      if (pid !== undefined) process.kill(-pid, 'SIGKILL');
    } catch {
      // The whole group has ended.
    }
  }
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const PATH = `${dirname(process.execPath)}:${process.env.PATH}`;
const CONFIG = {
  COURIER_AUDIENCES: 'https://courier.example',
  COURIER_CALLERS: 'exporter@my-project.iam.gserviceaccount.com',
  COURIER_FOLDER: 'folder',
  COURIER_SECRET: 'projects/my-project/secrets/drive-key',
  // Nothing listens there, since nothing is delivered here.
  COURIER_GOOGLE_ORIGIN: 'http://127.0.0.1:9',
  GCE_METADATA_HOST: '127.0.0.1:9',
};

test.each([
  ['dist', dist],
  ['the project', project],
])(
  'npm start in %s forwards SIGTERM to the courier, which stops cleanly',
  async (_, cwd) => {
    const env = { PATH, HOME: folder, PORT: '0', ...CONFIG };
    const npm = spawn('npm', ['start'], { cwd, env, detached: true, stdio: ['ignore', 'pipe', 'inherit'] });
    running.push(npm);
    const [ended, closed] = [once(npm, 'exit'), once(npm, 'close')];
    const lines: string[] = [];
    const port = await new Promise<string>((resolve, reject) => {
      createInterface({ input: npm.stdout }).on('line', (line) => {
        lines.push(line);
        const [, found] = /listening on port (\d+)/.exec(line) ?? [];
        if (found !== undefined) resolve(found);
      });
      npm.once('close', () => reject(new Error(`it ended:\n${lines.join('\n')}`)));
    });
    expect((await fetch(`http://127.0.0.1:${port}/v1/health`)).status).toBe(200);
    npm.kill('SIGTERM');
    expect(await ended).toEqual([0, null]);
    await closed;
    expect(lines.at(-1)).toContain('"stopped"');
    await expect(fetch(`http://127.0.0.1:${port}/v1/health`)).rejects.toThrow();
  },
  60_000,
);

test.each(['start', 'start:function'])(
  'npm run %s prints what to do if nothing was built',
  async (script) => {
    const ended = execute('npm', ['run', script], { cwd: empty, env: { PATH, HOME: folder } });
    await expect(ended).rejects.toMatchObject({
      code: 69,
      stderr: expect.stringMatching(/^dist\/ is not there: npm run build$/m),
    });
  },
  60_000,
);

test('the courier has the same Node options however it is started as a service', async () => {
  const optionsIn = (text: string): string[] => text.match(/--[\w-]+(=[\w-]+)?/g) ?? [];
  const [built, own] = await Promise.all(
    [dist, project].map(async (place) => JSON.parse(await readFile(join(place, 'package.json'), 'utf8'))),
  );
  const [, image = ''] = /^CMD (.+)$/m.exec(await readFile(join(root, 'deploy/Dockerfile'), 'utf8')) ?? [];
  expect(optionsIn(built.scripts.start)).toEqual([
    '--min-semi-space-size=8',
    '--max-semi-space-size=8',
    '--no-concurrent-recompilation',
  ]);
  expect(optionsIn(own.scripts.start)).toEqual(optionsIn(built.scripts.start));
  expect(optionsIn(image)).toEqual(optionsIn(built.scripts.start));
});
