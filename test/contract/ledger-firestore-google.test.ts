import { describe, expect, test } from '@jest/globals';
import { createFirestoreLedger } from '../../src/ledger/firestore.ts';
import type { LedgerEntry } from '../../src/ledger/ledger.ts';
import { createKeptLog } from '../support/kept-log.ts';

const entryOf = (fileId: string): LedgerEntry => ({ fileId, fingerprint: 'f', state: 'claimed', claimedAtMs: 1 });
const unavailable = { code: 'google-unavailable', status: 503, retryable: true };

describe('the Firestore ledger at Google', () => {
  const openAtGoogle = (answer: () => Promise<Response>, token: () => Promise<string> = async () => 'ya29.runtime') => {
    const sent: { url: string; authorization: string | null }[] = [];
    // The library reads it when the client is created, at the first call.
    delete process.env.FIRESTORE_EMULATOR_HOST;
    const kept = createKeptLog();
    const ledger = createFirestoreLedger({
      config: { project: 'prod', database: 'courier', collection: 'c', ttlDays: 14 },
      project: async () => 'other',
      fetch: (url, init) => {
        sent.push({ url: String(url), authorization: new Headers(init?.headers).get('authorization') });
        return answer();
      },
      token,
      now: Date.now,
      log: kept,
      // Loading Google's client takes long on a busy machine.
      callTimeoutMs: 15_000,
    });
    return { ledger, sent, kept };
  };

  test("calls Google over TLS, with the runtime's own identity", async () => {
    const { ledger, sent } = openAtGoogle(async () =>
      Response.json({ writeResults: [{}], commitTime: '2026-01-01T00:00:00Z' }),
    );
    expect(await ledger.claim('key', entryOf('id-1'))).toMatchObject({ mine: true });
    expect(sent).toHaveLength(1);
    expect(sent[0]?.url).toMatch(
      /^https:\/\/firestore\.googleapis\.com(:443)?\/v1\/projects\/prod\/databases\/courier\/documents:commit\?/,
    );
    expect(sent[0]?.authorization).toBe('Bearer ya29.runtime');
  });

  test('extends the expiry of an entry with every record, so that active entries remain', async () => {
    const sent: Record<string, { timestampValue?: string }>[] = [];
    delete process.env.FIRESTORE_EMULATOR_HOST;
    let nowMs = 1_795_000_000_000;
    const ledger = createFirestoreLedger({
      config: { project: 'prod', database: 'courier', collection: 'c', ttlDays: 14 },
      project: async () => 'other',
      fetch: async (_, init) => {
        const { writes } = JSON.parse(String(init?.body)) as {
          writes: { update: { fields: (typeof sent)[number] } }[];
        };
        sent.push(...writes.map(({ update }) => update.fields));
        return Response.json({
          writeResults: [{ updateTime: '2026-01-01T00:00:00Z' }],
          commitTime: '2026-01-01T00:00:00Z',
        });
      },
      token: async () => 'ya29.runtime',
      now: () => nowMs,
      log: createKeptLog(),
    });
    const expiries = () => sent.map(({ expireAt }) => Date.parse(expireAt?.timestampValue ?? ''));
    const { entry } = await ledger.claim('key', entryOf('id-1'));
    nowMs += 3_600_000;
    await ledger.record('key', { state: 'done', record: {} }, entry);
    const days = 14 * 86_400_000;
    expect(expiries()).toEqual([1_795_000_000_000 + days, 1_795_003_600_000 + days]);
  });

  test.each([
    [403, 'PERMISSION_DENIED', /roles\/datastore\.user/],
    [404, 'NOT_FOUND', /Create the Firestore database/],
    [401, 'UNAUTHENTICATED', /Retry-After/],
  ])('reports a remedy for %i, tries once, and logs no token', async (code, status, remedy) => {
    const { ledger, sent, kept } = openAtGoogle(async () =>
      Response.json({ error: { code, status, message: 'no' } }, { status: code }),
    );
    await expect(ledger.claim('key', entryOf('id-1'))).rejects.toMatchObject({
      code: 'google-unavailable',
      remedy: expect.stringMatching(remedy),
    });
    expect(sent).toHaveLength(1);
    expect(kept.lines).toHaveLength(1);
    expect(kept.lines.join()).not.toContain('ya29');
  });

  test('returns a transient error if there is no token', async () => {
    const { ledger, sent } = openAtGoogle(
      async () => new Response(),
      () => Promise.reject(new Error('no credentials')),
    );
    await expect(ledger.read('key')).rejects.toMatchObject(unavailable);
    expect(sent).toHaveLength(0);
  });
});
