import { execFile, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { emptyProject, type ProjectState } from './gcloud/state.ts';
import { startRecordingGcloud } from './recording-gcloud.ts';

const execute = promisify(execFile);
const root = join(import.meta.dirname, '../../..');

/**
 * A stub for the built service: it reads a configuration by the courier's own rules, and answers `--check` and `--check --permissions`.
 */
const CHECK = `
const { readConfig } = await import(${JSON.stringify(join(root, 'src/config/config.ts'))});
const { permissionLines } = await import(${JSON.stringify(join(root, 'src/config/permissions.ts'))});
if (process.argv[2] !== '--check') process.exit(1);
try {
  const config = readConfig();
  if (process.argv[3] === '--permissions') console.log(permissionLines(config).join('\\n'));
  else console.log('ok: ' + Object.keys(config.destinations).join(', '));
} catch (error) {
  console.error(error.message);
  process.exit(78);
}`;

/** The flags that start the service, as in dist/package.json. */
export const START =
  'exec node --min-semi-space-size=8 --max-semi-space-size=8 --no-concurrent-recompilation server.js';

interface Ran {
  code: number;
  stdout: string;
  stderr: string;
  state: ProjectState;
}

interface Project {
  read(): ProjectState;
  /** Changes are counted separately for each run, and so are injected faults. */
  run(options: readonly string[], fault?: ProjectState['fault'], script?: string): Promise<Ran>;
}

/** `--name=value` is easier to read; the scripts expect two words. */
export const words = (options: readonly string[]): string[] =>
  options.flatMap((option) => {
    const at = option.indexOf('=');
    return option.startsWith('--') && at > 0 ? [option.slice(0, at), option.slice(at + 1)] : [option];
  });

export interface DeployScripts {
  folder: string;
  /** The folder of the program called `gcloud`. */
  bin: string;
  env: Record<string, string>;
  openProject(start?: Partial<ProjectState>): Project;
  close(): Promise<void>;
}

/** The scripts of deploy/ beside a stub of dist/, with a recording gcloud on their PATH. */
export const startDeployScripts = async (): Promise<DeployScripts> => {
  const folder = mkdtempSync(join(tmpdir(), 'courier-deploy-'));
  mkdirSync(join(folder, 'dist'));
  writeFileSync(join(folder, 'dist/server.js'), CHECK);
  writeFileSync(
    join(folder, 'dist/package.json'),
    JSON.stringify({ type: 'module', scripts: { start: START, 'gcp-build': 'node warm.js' } }, undefined, 2),
  );
  spawnSync('cp', ['-r', join(root, 'deploy'), folder]);
  const bin = join(folder, 'bin');
  mkdirSync(bin);
  const gcloud = await startRecordingGcloud(join(bin, 'gcloud'));
  const env = {
    PATH: `${bin}:${dirname(process.execPath)}:${process.env.PATH}`,
    FAKE_GCLOUD_PORT: gcloud.port,
    DEPLOY_PAUSE_SECONDS: '0.02',
    DEPLOY_PATIENCE_SECONDS: '3',
  };
  let count = 0;
  const openProject = (start: Partial<ProjectState> = {}): Project => {
    const name = String(++count);
    gcloud.projects.set(name, structuredClone({ ...emptyProject(), ...start }));
    const read = (): ProjectState => structuredClone(gcloud.projects.get(name) ?? emptyProject());
    return {
      read,
      async run(options, fault, script = 'deploy/deploy.sh') {
        const { fault: _, ...state } = read();
        gcloud.projects.set(name, { ...state, changes: [], calls: [], ...(fault === undefined ? {} : { fault }) });
        const scratch = mkdtempSync(join(folder, 'tmp-'));
        const ran = await execute('bash', [join(folder, script), ...words(options)], {
          cwd: folder,
          env: { ...env, FAKE_PROJECT: name, TMPDIR: scratch },
        }).then(
          ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
          ({ code, stdout, stderr }) => ({ code: Number(code), stdout: String(stdout), stderr: String(stderr) }),
        );
        // No files are left behind, in particular no key.
        const left = readdirSync(scratch);
        if (left.length > 0) throw new Error(`left behind: ${left.join(', ')}`);
        return { ...ran, state: read() };
      },
    };
  };
  return {
    folder,
    bin,
    env,
    openProject,
    async close() {
      await gcloud.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
};

const CALLER = 'report-job@my-project.iam.gserviceaccount.com';
export const NEEDED = [
  '--project=my-project',
  '--region=europe-west1',
  '--folder=0AFolderFolderFolder',
  `--caller=${CALLER}`,
];

export const WAYS: Readonly<Record<string, readonly string[]>> = {
  'a service with a key': [
    ...NEEDED,
    '--key',
    '--bucket=exports-bucket',
    `--operator=courier-ops@my-project.iam.gserviceaccount.com`,
  ],
  'a keyless service': [
    ...NEEDED,
    '--keyless',
    '--subject=reports@example.com',
    '--queue=none',
    '--sender=user:me@example.com',
    '--source=gs://exports-bucket/ready/',
  ],
  'a keyless function': [
    ...NEEDED,
    '--keyless',
    '--function',
    '--database=courier-db',
    '--audit-sink=gs://exports-bucket',
  ],
  'functions with Eventarc': [
    ...NEEDED,
    '--key',
    '--function',
    '--queue=eventarc',
    '--bucket=exports-bucket',
    '--audit-sink=bigquery:audit',
  ],
};
