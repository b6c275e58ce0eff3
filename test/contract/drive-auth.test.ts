import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import type { LocalGoogle } from '../../local/google/server.ts';
import { DRIVE } from '../../local/google/world/names.ts';
import { createWitness, openAuth, refusalOf, startRuntime } from './drive-auth/harness.ts';
import { WAYS } from './drive-auth/ways.ts';

const MINUTE_MS = 60_000;

let google: LocalGoogle;
let close: () => Promise<void>;
const witness = createWitness();
const clock = { ms: 0 };

beforeAll(async () => {
  ({ google, close } = await startRuntime(witness, { now: () => Date.now() }));
});
afterAll(() => close());
beforeEach(() => {
  google.faults.clear();
  // Google's library uses the system clock, so that one is changed. Timers stay real.
  clock.ms = Date.now();
  jest.useFakeTimers({
    now: clock.ms,
    doNotFake: [
      'hrtime',
      'nextTick',
      'performance',
      'queueMicrotask',
      'setImmediate',
      'clearImmediate',
      'setInterval',
      'clearInterval',
      'setTimeout',
      'clearTimeout',
    ],
  });
});
afterEach(() => {
  jest.useRealTimers();
});

const wait = (minutes: number): void => {
  clock.ms += minutes * MINUTE_MS;
  jest.setSystemTime(clock.ms);
};

/** Waits until the background work is done. */
const eventually = async (check: () => Promise<boolean> | boolean): Promise<void> => {
  for (let turn = 0; turn < 1_000 && !(await check()); turn++) await delay(10);
  expect(await check()).toBe(true);
};

describe.each(WAYS)('$way', ({ configure, actsAs, account, mints, inSecret, onCloudRun }) => {
  const open = () => openAuth(google, witness, configure(google), { onCloudRun });
  const minted = (): number => google.calls.count(mints);
  const actorOf = (token: string) => google.world.tokens.holderOf(token, []);

  test('returns a token of Google with the Drive scope for the right account', async () => {
    const auth = open();
    const holder = actorOf(await auth.token());
    expect(holder).toMatchObject({ email: actsAs(google), scopes: expect.arrayContaining([DRIVE]) });
    await eventually(() => auth.account() === (account === null ? undefined : actsAs(google)));
  });

  test('concurrent callers share one token request, and the token is cached', async () => {
    const auth = open();
    const before = minted();
    const tokens = await Promise.all(Array.from({ length: 50 }, () => auth.token()));
    expect([new Set(tokens).size, minted() - before]).toEqual([1, 1]);
    wait(4);
    expect(await auth.token()).toBe(tokens[0]);
    expect(minted() - before).toBe(1);
  });

  test('renews before expiry, while the old token is still used', async () => {
    const auth = open();
    const first = await auth.token();
    const before = minted();
    wait(56);
    const served = await Promise.all(Array.from({ length: 20 }, () => auth.token()));
    expect(new Set(served)).toEqual(new Set([first]));
    await eventually(async () => (await auth.token()) !== first);
    expect(minted() - before).toBe(1);
    expect(actorOf(await auth.token())).toMatchObject({ email: actsAs(google) });
  });

  test('in the last minute all callers wait for the new token', async () => {
    const auth = open();
    const first = await auth.token();
    wait(59.5);
    const served = new Set(await Promise.all(Array.from({ length: 20 }, () => auth.token())));
    expect(served.size).toBe(1);
    expect(served.has(first)).toBe(false);
  });

  test('a token that Drive rejected is not reused, and a late rejection does not affect a newer one', async () => {
    const auth = open();
    const first = await auth.token();
    auth.rejected(first);
    const second = await auth.token();
    expect(second).not.toBe(first);
    auth.rejected(first);
    expect(await auth.token()).toBe(second);
  });

  test('when all tokens are revoked, including the courier’s own, the next request gets a working one', async () => {
    const auth = open();
    const first = await auth.token();
    google.world.expireAccessTokens();
    wait(0.01);
    auth.rejected(first);
    if (inSecret) auth.rotated(`${String(configure(google).secret)}/versions/8`);
    expect(actorOf(await auth.token())).toMatchObject({ email: actsAs(google) });
  });

  test('an unavailable Google is a transient error; a failed background renewal is only a warning', async () => {
    const auth = open();
    const first = await auth.token();
    const rule = { fault: { kind: 'status', status: 503 } } as const;
    google.faults.add(['oauth2*', 'iamcredentials*', 'sts*', 'metadata*'].map((host) => ({ host, ...rule })));
    wait(56);
    const warned = witness.lines.length;
    expect(await auth.token()).toBe(first);
    await eventually(() => witness.lines.slice(warned).some((line) => line.includes('could not be renewed')));
    wait(5);
    expect(await refusalOf(auth, witness)).toMatchObject({ code: 'google-unavailable', retryable: true });
    google.faults.clear();
    wait(0.1);
    expect(actorOf(await auth.token())).toMatchObject({ email: actsAs(google) });
  });

  test(`${inSecret ? 'its secret was' : 'another secret was'} rotated: the token is ${inSecret ? 'new' : 'kept'}`, async () => {
    const credential = configure(google);
    const auth = openAuth(google, witness, credential);
    const first = await auth.token();
    auth.rotated(`projects/${google.world.project.number}/secrets/some-other`);
    expect(await auth.token()).toBe(first);
    const secret = String(credential.secret ?? google.world.secret);
    // As Secret Manager's events have it: the project by its number, the version at the end.
    auth.rotated(`${secret.replace(google.world.project.id, google.world.project.number)}/versions/7`);
    expect((await auth.token()) === first).toBe(!inSecret);
  });
});

test('the output contains no key, token or assertion', () => {
  expect(witness.secrets.size).toBeGreaterThan(50);
  expect(witness.lines.length).toBeGreaterThan(20);
  const printed = witness.lines.join('');
  expect([...witness.secrets].filter((secret) => printed.includes(secret))).toEqual([]);
});
