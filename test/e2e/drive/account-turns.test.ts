import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { type LocalGoogle, startLocalGoogle } from '../../../local/google/server.ts';
import { credential, DRIVE_SCOPE } from '../../../src/config/schema/credential.ts';
import { destination } from '../../../src/config/schema/destination.ts';
import type { RuntimeIdentity } from '../../../src/credentials/runtime/runtime-identity.ts';
import { createDeliver } from '../../../src/deliver.ts';
import { createDestinations } from '../../../src/destinations.ts';
import type { Delivery, Receipt } from '../../../src/domain.ts';
import { createBufferBudget } from '../../../src/drive/upload/buffer-budget.ts';
import { createTransport } from '../../../src/google/create-transport.ts';
import type { Ledger } from '../../../src/ledger/ledger.ts';
import { createMemoryLedger } from '../../../src/ledger/memory.ts';
import { createKeptLog } from '../../support/kept-log.ts';

/** Accounts that have uploaded as much as Drive accepts in a day. */

let google: LocalGoogle;
let folder: string;
let ledger: Ledger;
/** What the courier has counted of today, by credentials. */
let counted: Map<string, number>;
let laterMs = 0;
const now = (): number => Date.now() + laterMs;

beforeAll(async () => {
  google = await startLocalGoogle();
  const { alice, bob, courier } = google.world.emails;
  google.world.delegate(courier, [DRIVE_SCOPE]);
  folder = google.drive.createFolder({ name: 'shared', owner: alice });
  google.drive.share(folder, { email: bob, role: 'writer' });
}, 60_000);
afterAll(() => google?.close());
beforeEach(() => {
  setLimit(750_000_000_000);
  laterMs = 0;
  counted = new Map();
  ledger = createMemoryLedger({ now });
});
const setLimit = (uploadBytesPerDayPerUser: number): void => google.drive.setLimits({ uploadBytesPerDayPerUser });

const [alice, bob] = ['alice@example.com', 'bob@example.com'];
/** Waits between attempts take no time on the machine's clock. */
const sleep = async (milliseconds: number): Promise<void> => {
  laterMs += milliseconds;
};

/** An instance of the courier, with what it knows of its own. All instances have one ledger. */
const startInstance = (own: Ledger = ledger): ((name: string, key?: string) => Promise<Receipt>) => {
  const log = createKeptLog();
  const { keyFiles, emails } = google.world;
  const as = (subject: string) => credential.parse({ file: keyFiles.courier, subject });
  const callers = [emails.exporter];
  const destinations = createDestinations(
    {
      credentials: { alice: as(emails.alice), bob: as(emails.bob) },
      googleOrigin: google.origin,
      ledger: 'memory',
      destinations: { reports: destination.parse({ folder, credentials: ['alice', 'bob'], callers }) },
    },
    {
      transport: createTransport({ googleOrigin: google.origin, now, sleep, log }),
      runtime: {} as RuntimeIdentity,
      budget: createBufferBudget({ bytes: 4_194_304, maxWaiters: 10, now }),
      uploadCounts: { add: () => undefined, known: () => counted },
      ...{ ledger: own, now, wall: now, sleep, log },
    },
  );
  const allow = () => {
    const found = destinations.get('reports');
    if (found === undefined) throw new Error('no destination');
    return found;
  };
  const deliver = createDeliver({ allow, ledger: own, now, wall: now, sleep, log });
  return (name, key) => {
    const delivery: Delivery = {
      ...{
        caller: { sub: '1', email: emails.exporter },
        options: { name },
        requestId: name,
        deadlineMs: now() + 3_000_000,
      },
      ...(key === undefined ? {} : { idempotencyKey: key }),
      signal: new AbortController().signal,
      source: {
        ...{ size: undefined, mimeType: 'text/plain' },
        async *open() {
          yield Buffer.from('ten bytes.');
        },
      },
    };
    return deliver(delivery);
  };
};

const uploads = () => google.calls.list({ path: '/upload/drive/v3/files' }).length;
const named = (name: string) => google.drive.files().filter((file) => file.name === name && !file.trashed);

test('above the daily limit the next account is used, also for the delivery that Drive has refused', async () => {
  const send = startInstance();
  expect((await send('one.txt')).account).toBe(alice);
  setLimit(10);
  google.calls.clear();
  const second = await send('two.txt', 'two');
  // Drive is believed at once, because there is another account.
  expect([second.account, second.outcome, uploads()]).toEqual([bob, 'created', 2]);
  google.calls.clear();
  setLimit(100);
  expect([(await send('three.txt')).account, uploads()]).toEqual([bob, 1]);
  // After an hour the first account is tried again.
  laterMs = 3_600_001;
  expect((await send('four.txt')).account).toBe(alice);
});

test('with all accounts above it, the answer is the code of Drive and when to retry', async () => {
  const send = startInstance();
  setLimit(0);
  await expect(send('full.txt')).rejects.toMatchObject({ code: 'upload-limit-reached' });
  google.calls.clear();
  laterMs += 60_000;
  const refused = await send('full.txt').catch((error: { retryAfterSeconds: number }) => error);
  expect(refused).toMatchObject({ code: 'upload-limit-reached', status: 502, facts: { accounts: 'alice, bob' } });
  const { retryAfterSeconds } = refused as { retryAfterSeconds: number };
  expect([retryAfterSeconds > 0 && retryAfterSeconds <= 3_540, uploads()]).toEqual([true, 0]);
});

test('the account that is near its limit by the count is not used, as long as another one is not', async () => {
  counted.set('alice', 712_499_999_999);
  const send = startInstance();
  expect((await send('far.txt')).account).toBe(alice);
  counted.set('alice', 712_500_000_000);
  expect((await send('near.txt')).account).toBe(bob);
  counted.set('bob', 740_000_000_000);
  expect((await send('nearer.txt')).account).toBe(alice);
});

test('the account of a key stays with it in another instance, and so does the file', async () => {
  const send = startInstance();
  // More than the tests before have uploaded as the other account.
  for (let turn = 0; turn < 5; turn++) await send('before.txt');
  setLimit(50);
  /** An instance that ends before it has recorded the receipt. */
  const ending: Ledger = {
    ...ledger,
    record: (key, change, stored) =>
      change.state === 'done' ? Promise.reject(new Error('ended')) : ledger.record(key, change, stored),
  };
  await expect(startInstance(ending)('kept.txt', 'kept')).rejects.toMatchObject({ code: 'google-unavailable' });
  setLimit(750_000_000_000);
  const { id, account } = await startInstance()('kept.txt', 'kept');
  expect([account, named('kept.txt').map((file) => file.id)]).toEqual([bob, [id]]);
  expect((await startInstance()('other.txt')).account).toBe(alice);
});
