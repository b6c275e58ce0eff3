// Lists the source files that one upload of 10 KB with a key runs through, in the order in which they are first entered, and
// each move from one room of src/ to another. It runs the courier from source beside the local Google, with the ledger in
// memory.
import { fileURLToPath } from 'node:url';
import { type CourierProcess, startCourierProcess } from '../local/courier-process.ts';
import { type LocalGoogle, startLocalGoogle } from '../local/google/server.ts';

const AUDIENCE = 'https://drive-courier.example';
const BYTES = 10_240;
const WAIT_MS = 60_000;
const HOOK = fileURLToPath(new URL('./trace-hook.ts', import.meta.url));

export interface Trace {
  /** In the order in which they are first entered. */
  files: string[];
  /** One entry for each move to another room. */
  rooms: string[];
}

/** Helpers and types at the bottom, which every room uses. Calling one is no move to another room. */
const BOTTOM = /^src\/(text\/|(bearer|domain|errors|log|redact|refreshing-value|sleep|steady-clock|turns)\.ts$)/;

/** `deliver.ts` calls the steps in delivery/, so it belongs to their room. */
const roomOf = (file: string): string =>
  file === 'src/deliver.ts' ? 'delivery' : (/^src\/([^/]+)\//.exec(file)?.[1] ?? file.replace('src/', ''));

const start = (google: LocalGoogle): Promise<CourierProcess> => {
  const { world, places } = google;
  const config = {
    audiences: [AUDIENCE],
    ledger: 'memory',
    destinations: {
      default: { folder: places.sharedDriveFolder, credentials: 'main', callers: [world.emails.exporter] },
    },
    credentials: { main: { file: world.keyFiles.courier } },
  };
  return startCourierProcess({
    nodeOptions: ['--disable-warning=ExperimentalWarning', '--import', HOOK],
    env: {
      COURIER_CONFIG: JSON.stringify(config),
      COURIER_GOOGLE_ORIGIN: google.origin,
      GCE_METADATA_HOST: google.metadataHost,
      GOOGLE_CLOUD_PROJECT: world.project.id,
    },
  });
};

const send = async ({ url }: CourierProcess, token: string, name: string): Promise<void> => {
  const response = await fetch(`${url}/v1/files?${new URLSearchParams({ name })}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'text/csv', 'idempotency-key': `trace-${name}` },
    body: Buffer.alloc(BYTES, 'a'),
  });
  if (response.status !== 201) throw new Error(`${response.status}: ${await response.text()}`);
};

/** Starts or stops the recording, and waits until the courier confirms it. */
const toggle = async ({ child, lines }: CourierProcess): Promise<unknown> => {
  const from = lines.length;
  child.kill('SIGUSR2');
  for (let waitedMs = 0; waitedMs < WAIT_MS; waitedMs += 20) {
    const line = lines.slice(from).find((each) => each.startsWith('{"trace":'));
    if (line !== undefined) return (JSON.parse(line) as { trace: unknown }).trace;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error('the courier does not answer the signal');
};

/** Traces the second delivery of a courier: the first one has fetched keys, tokens and ids. */
export const traceUpload = async (): Promise<Trace> => {
  const google = await startLocalGoogle();
  const courier = await start(google);
  const { emails, idToken } = google.world;
  // One token for both, as a caller uses it for an hour. Another one would be verified during the trace.
  const token = idToken({ email: emails.exporter, audience: AUDIENCE });
  try {
    await send(courier, token, 'first.csv');
    await toggle(courier);
    await send(courier, token, 'second.csv');
    const entered = (await toggle(courier)) as string[];
    const rooms = entered.filter((file) => !BOTTOM.test(file)).map(roomOf);
    return {
      files: [...new Set(entered)],
      rooms: rooms.filter((room, at) => room !== rooms[at - 1]),
    };
  } finally {
    await courier.kill();
    await google.close();
  }
};

if (import.meta.main) {
  const { files, rooms } = await traceUpload();
  for (const [at, file] of files.entries()) console.log(`${String(at + 1).padStart(3)}  ${file}`);
  console.log(`\n${files.length} files; ${rooms.length} moves between rooms:\n${rooms.join(' → ')}`);
}
