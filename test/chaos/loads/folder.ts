import { type ChildProcess, spawn } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CourierProcess } from '../../../local/courier-process.ts';
import { freePort } from '../../../local/free-port.ts';
import { seededRandom } from '../../../local/google/random.ts';
import { startFirestoreEmulator } from '../../support/firestore-emulator.ts';
import { AUDIENCE, startCourier } from '../couriers.ts';
import { driveFaults } from '../faults.ts';
import { type GoogleProcess, startGoogleProcess } from '../google-process.ts';
import { planUploads } from './uploads.ts';

/**
 * A folder is sent by `courier send` with a manifest, while the command and the courier are killed in turn and Drive fails
 * now and then. The command is started again until it says that everything is delivered.
 */
export interface FolderOptions {
  files: number;
  /** How often the command or the courier is killed (SIGKILL), in turn. */
  kills: number;
  /** The fraction of Drive calls that fail. */
  faults: number;
  seed: number;
  print?: (line: string) => void;
}

export interface FolderReport {
  files: number;
  folders: number;
  /** Runs of the command. */
  runs: number;
  kills: number;
  /** Requests to Drive that were disrupted. */
  injected: number;
  /** Files that the last run found unchanged. */
  unchanged: number;
  seconds: number;
  /** The violations; empty if there are none. */
  faults: string[];
}

const CLIENT = join(import.meta.dirname, '../../../bin/courier.js');
const FOLDER_TYPE = 'application/vnd.google-apps.folder';
const MAX_RUNS = 200;

interface LocalFile {
  path: string;
  sha256: string;
}

/** Files of all sizes in folders of different depths. */
const createFiles = (root: string, count: number, seed: number): LocalFile[] =>
  planUploads({ uploads: count, keys: count, seed }).map((upload, index) => {
    const path = `${upload.path}/${'deep/'.repeat(index % 3)}file-${index}.bin`;
    const bytes = upload.bytes();
    mkdirSync(join(root, dirname(path)), { recursive: true });
    writeFileSync(join(root, path), bytes);
    return { path, sha256: createHash('sha256').update(bytes).digest('hex') };
  });

interface Ended {
  code: number | null;
  lines: { summary?: { delivered: number; unchanged: number; failed: number }; error?: { code: string } }[];
}

/** Killed processes leave half a line. */
const parseLines = (text: string): Ended['lines'] =>
  text.split('\n').flatMap((line) => {
    try {
      return [JSON.parse(line) as Ended['lines'][number]];
    } catch {
      return [];
    }
  });

const startClient = (google: GoogleProcess, courierUrl: string, args: readonly string[]) => {
  const { PATH = '' } = process.env;
  const child = spawn(process.execPath, [CLIENT, '--json', 'send', ...args], {
    env: {
      ...{ PATH, HOME: '/nonexistent', CLOUDSDK_CONFIG: '/nonexistent', NO_GCE_CHECK: 'true' },
      COURIER_URL: courierUrl,
      COURIER_AUDIENCE: AUDIENCE,
      COURIER_GOOGLE_ORIGIN: google.origin,
      GOOGLE_APPLICATION_CREDENTIALS: google.callerKeyFile,
      XDG_CACHE_HOME: join(dirname(args[0] ?? ''), 'cache'),
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  child.stdout?.on('data', (part: Buffer) => {
    text += part.toString();
  });
  const ended = once(child, 'close').then(
    ([code]): Ended => ({ code: code as number | null, lines: parseLines(text) }),
  );
  return { child, ended };
};

/** The path of each file in Drive below the folder. */
const storedPaths = async (google: GoogleProcess, root: string) => {
  const items = await google.files(root);
  const byId = new Map(items.map((item) => [item.id, item]));
  const pathOf = (id: string): string => {
    const item = byId.get(id);
    if (item === undefined) return '';
    const above = pathOf(item.parents[0] ?? '');
    return above === '' ? item.name : `${above}/${item.name}`;
  };
  const isFolder = ({ mimeType }: (typeof items)[number]): boolean => mimeType === FOLDER_TYPE;
  return {
    files: items.filter((item) => !isFolder(item)).map((item) => ({ ...item, path: pathOf(item.id) })),
    folders: items.filter(isFolder).map(({ id }) => pathOf(id)),
  };
};

const judge = async (google: GoogleProcess, local: readonly LocalFile[], manifest: string) => {
  await google.liftQuota();
  const { files, folders } = await storedPaths(google, google.places.sharedDriveFolder);
  const byPath = Map.groupBy(files, ({ path }) => path);
  const ids = new Map<string, string>();
  for (const line of readFileSync(manifest, 'utf8').split('\n')) {
    if (!line.startsWith('{"file"')) continue;
    try {
      const { path, receipt } = JSON.parse(line) as { path: string; receipt: { id: string } };
      ids.set(path, receipt.id);
    } catch {
      // A line that was cut off by a kill.
    }
  }
  const faults = local.flatMap(({ path, sha256 }) => {
    const stored = byPath.get(`chaos-folder/${path}`) ?? [];
    const [first] = stored;
    if (first === undefined || stored.length !== 1) return [`${path}: ${stored.length} files`];
    if (first.sha256 !== sha256) return [`${path}: other bytes`];
    return ids.get(`chaos-folder/${path}`) === first.id ? [] : [`${path}: the manifest has another file`];
  });
  if (files.length !== local.length) faults.push(`${files.length} files for ${local.length}`);
  const surplus = folders.length - new Set(folders).size;
  if (surplus > 0) faults.push(`${surplus} folders twice`);
  return { faults, files: files.length, folders: folders.length };
};

interface World {
  google: GoogleProcess & { callerEmail: string };
  courier: CourierProcess;
  restartCourier(): Promise<void>;
}

/** Runs the command until everything is delivered, and kills it and the courier in turn at even distances. */
const sendUntilDone = async (world: World, args: readonly string[], options: FolderOptions, done: () => number) => {
  const { kills, files, seed, print = () => undefined } = options;
  const random = seededRandom(seed ^ 0xf01d);
  let killed = 0;
  let child: ChildProcess | undefined;
  let isOver = false;
  const killAlong = async (): Promise<void> => {
    while (killed < kills && !isOver) {
      if (done() < (files * (killed + 1)) / (kills + 2)) {
        await sleep(10);
        continue;
      }
      await sleep(random() * 50);
      if (killed % 2 === 0) child?.kill('SIGKILL');
      else await world.restartCourier();
      killed += 1;
      print(`killed ${killed} of ${kills}; ${done()} of ${files} files in the manifest`);
    }
  };
  const killing = killAlong();
  try {
    for (let run = 1; run <= MAX_RUNS; run++) {
      const started = startClient(world.google, world.courier.url, args);
      child = started.child;
      const { code, lines } = await started.ended;
      if (code === 0) return { runs: run, killed };
      if (code !== null && code !== 75) {
        const errors = lines.flatMap(({ error }) => error?.code ?? []);
        throw new Error(`the command ended with ${code}: ${[...new Set(errors)].join(', ')}`);
      }
    }
    throw new Error(`not delivered after ${MAX_RUNS} runs`);
  } finally {
    isOver = true;
    await killing;
  }
};

/** Counts the complete lines of the manifest. */
const createCount = (manifest: string) => (): number => {
  try {
    return readFileSync(manifest, 'utf8').split('\n').length - 2;
  } catch {
    return 0;
  }
};

const runIn = async (world: World, folder: string, options: FolderOptions): Promise<FolderReport> => {
  const startedMs = performance.now();
  const { google } = world;
  const root = join(folder, 'chaos-folder');
  const manifest = join(folder, 'manifest.jsonl');
  const local = createFiles(root, options.files, options.seed);
  if (options.faults > 0) await google.addFaults(driveFaults(options.faults, options.seed));
  const args = [root, '--manifest', manifest];
  const { runs, killed } = await sendUntilDone(world, args, options, createCount(manifest));
  const injected = await google.clearFaults();
  const last = await startClient(google, world.courier.url, args).ended;
  const { unchanged = 0, delivered = 0 } = last.lines.at(-1)?.summary ?? {};
  const { faults, ...figures } = await judge(google, local, manifest);
  if (last.code !== 0 || unchanged !== options.files || delivered !== 0) {
    faults.push(`the last run ended with ${last.code}: ${unchanged} unchanged, ${delivered} delivered`);
  }
  if (killed !== options.kills) faults.push(`only ${killed} of ${options.kills} kills`);
  const seconds = Math.round((performance.now() - startedMs) / 1_000);
  return { ...figures, runs, kills: killed, injected, unchanged, seconds, faults };
};

/** Runs it. Returns undefined with a clear warning if Google's Firestore emulator is missing. */
export const runFolder = async (options: FolderOptions): Promise<FolderReport | undefined> => {
  const emulator = await startFirestoreEmulator();
  if (emulator === undefined) return undefined;
  const folder = mkdtempSync(join(tmpdir(), 'chaos-folder-'));
  const google = await startGoogleProcess();
  const port = await freePort();
  const ledger = { kind: 'firestore', host: emulator.host, collection: `chaos-${randomUUID()}` } as const;
  const world: World = {
    google,
    courier: await startCourier(google, ledger, port),
    async restartCourier() {
      await world.courier.kill();
      world.courier = await startCourier(google, ledger, port);
    },
  };
  try {
    return await runIn(world, folder, options);
  } finally {
    await world.courier.kill();
    await google.close();
    await emulator.stop();
    rmSync(folder, { recursive: true, force: true });
  }
};
