import { startLocalGoogle } from '../local/google/server.ts';
import { SUBSCRIPTION } from '../local/google/world/names.ts';
import { AUDIENCE, startCourierIn } from '../test/support/courier/courier-in-world.ts';
import { HEAVY_DOCUMENTS, HEAVY_PUSHES, type HeavyBody } from '../test/support/http/heavy-bodies.ts';
import { createLoopProbe, residentBytes } from '../test/support/processes/loop-delay.ts';

/**
 * The longest turn of the event loop and the peak memory while one body is read, by route and kind: `node
 * bench/documents.ts [PART OF A KIND]`. COURIER_ENTRY names another checkout's `src/server.ts`, to compare with.
 */
const MEBIBYTE = 1024 * 1024;

const { COURIER_ENTRY: entry } = process.env;
const [, , part = ''] = process.argv;

const google = await startLocalGoogle();
const { emails, keyFiles } = google.world;
const tokenOf = (email: string): string => google.world.idToken({ email, audience: AUDIENCE });

interface Route {
  name: string;
  target: string;
  email: string;
  bytes: number;
  form: 'service' | 'courier';
  bodies: readonly HeavyBody[];
}
const ROUTES: readonly Route[] = [
  {
    ...{ name: '/v1/exports', target: '/v1/exports', email: emails.exporter, bytes: 32 * MEBIBYTE },
    ...{ form: 'service', bodies: HEAVY_DOCUMENTS },
  },
  {
    ...{ name: '/v1/pubsub', target: '/v1/pubsub', email: emails.pubsubPush, bytes: 13_400_000 },
    ...{ form: 'service', bodies: HEAVY_PUSHES },
  },
  {
    ...{ name: '/v1/exports, function', target: '/v1/exports', email: emails.exporter, bytes: 32 * MEBIBYTE },
    ...{ form: 'courier', bodies: HEAVY_DOCUMENTS.slice(0, 1) },
  },
];

const measure = async ({ target, email, bytes, form }: Route, { make }: HeavyBody): Promise<string[]> => {
  const probe = createLoopProbe();
  const courier = await startCourierIn(google, {
    form,
    ...(entry === undefined ? {} : { entry }),
    config: {
      destinations: {
        reports: { folder: google.places.sharedDriveFolder, credentials: 'main', callers: [emails.exporter] },
      },
      credentials: { main: { file: keyFiles.courier } },
      pubsub: { subscriptions: { [SUBSCRIPTION]: { serviceAccount: emails.pubsubPush, destinations: ['reports'] } } },
    },
    env: { LOG_LEVEL: 'info', ...probe.env('--max-semi-space-size=8') },
  });
  const send = (body: Buffer): Promise<Response> =>
    fetch(`${courier.url}${target}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${tokenOf(email)}`, 'content-type': 'application/json' },
      body: new Uint8Array(body),
    });
  try {
    const small = make(2_000).toString().replace('SUBSCRIPTION', SUBSCRIPTION);
    // The first delivery loads libraries.
    await (await send(Buffer.from(small))).text();
    const text = make(bytes);
    const body = target.endsWith('pubsub') ? Buffer.from(text.toString().replace('SUBSCRIPTION', SUBSCRIPTION)) : text;
    await probe.reset(courier.child);
    const before = residentBytes(courier.child);
    const startMs = performance.now();
    const response = await send(body).catch(() => undefined);
    await response?.text().catch(() => undefined);
    const seconds = (performance.now() - startMs) / 1000;
    if (response === undefined) return ['no answer', '', '', '', seconds.toFixed(1)];
    const { busyMs, delayMs } = await probe.read();
    const more = probe.peakBytes(courier.child) - before;
    const times = (more / body.byteLength).toFixed(2);
    return [String(response.status), busyMs.toFixed(0), delayMs.toFixed(0), times, seconds.toFixed(1)];
  } finally {
    await courier.kill();
    probe.close();
  }
};

console.log(
  '| route | kind | status | longest turn, CPU ms | by the clock, ms | peak memory, times the body | seconds |',
);
console.log('| --- | --- | ---: | ---: | ---: | ---: | ---: |');
for (const route of ROUTES) {
  for (const body of route.bodies.filter(({ kind }) => `${route.name} ${kind}`.includes(part))) {
    console.log(`| ${[route.name, body.kind, ...(await measure(route, body))].join(' | ')} |`);
  }
}
await google.close();
