import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type LocalGoogle, startLocalGoogle } from '../../local/google/server.ts';
import { EMAILS } from '../../local/google/world/names.ts';
import { bytesSource } from '../../src/exports/sources/inline.ts';
import { decodeRecord, type LedgerEntry } from '../../src/ledger/ledger.ts';
import { createMemoryLedger } from '../../src/ledger/memory.ts';
import { type CourierStory, createCourierStory } from '../support/courier/courier-story.ts';
import { REPOSITORY } from '../support/pages.ts';

/**
 * This version reads a ledger that version 0.1.0 wrote (docs/compatibility.md). The fixture has every entry that 0.1.0
 * wrote for a new file, a replacement, a conversion and an upload session, in the order of its writes. Drive's ids and
 * the session URI are replaced by those of the local Google.
 */

const TIMEOUT_MS = 60_000;
const CALLER = { sub: '170648941927533435089', email: EMAILS.exporter };
const SCOPE = 'https://www.googleapis.com/auth/drive';
/** The shared drive that 0.1.0 delivered to. */
const OLD_FOLDER = '0ArpHghNyQ_93Uk9PVA';

type Written = Omit<LedgerEntry, 'record'> & { key: string; recordText?: string };
const history = readFileSync(join(REPOSITORY, 'test/fixtures/ledger-0.1.0.json'), 'utf8');

let google: LocalGoogle;
const stories: CourierStory[] = [];
beforeAll(async () => {
  google = await startLocalGoogle();
}, TIMEOUT_MS);
afterAll(async () => {
  for (const story of stories) story.close();
  await google?.close();
});

const drive = (path: string, init: RequestInit = {}): Promise<Response> =>
  fetch(`${google.origin}/www.googleapis.com${path}`, {
    ...init,
    headers: {
      authorization: `Bearer ${google.world.accessToken(google.world.emails.courier, [SCOPE])}`,
      'content-type': 'application/json',
    },
  });

const newId = async (): Promise<string> => {
  const { ids } = (await (await drive('/drive/v3/files/generateIds?count=1')).json()) as { ids: string[] };
  return ids[0] ?? '';
};

/**
 * A courier whose ledger is as a 0.1.0 left it that ended after the last write that `isLast` names.
 * @param replaced texts of the fixture, and what stands for them here
 */
const afterOldVersion = async (
  isLast: (entry: Written) => boolean,
  replaced: Readonly<Record<string, string>>,
): Promise<CourierStory> => {
  const texts = { [OLD_FOLDER]: google.places.sharedDrive, ...replaced };
  const text = Object.entries(texts).reduce((all, [old, now]) => all.replaceAll(old, now), history);
  const writes = JSON.parse(text) as Written[];
  const end = writes.findLastIndex(isLast);
  expect(end).toBeGreaterThan(-1);
  const stored = new Map(writes.slice(0, end + 1).map((entry) => [entry.key, entry]));
  const ledger = createMemoryLedger({ now: Date.now });
  for (const { key, recordText, ...entry } of stored.values()) {
    await ledger.claim(key, { ...entry, ...decodeRecord(recordText) });
  }
  const reports = { folder: google.places.sharedDrive, credentials: 'main', callers: [EMAILS.exporter] };
  const story = createCourierStory(google, { ledger, destinations: { reports } });
  stories.push(story);
  return story;
};

const deliver = (story: CourierStory, key: string, text: string, options: object) =>
  story.deliver({
    caller: CALLER,
    options: { name: '', ...options },
    source: bytesSource(Buffer.from(text), 'text/plain'),
    idempotencyKey: key,
    signal: AbortSignal.timeout(TIMEOUT_MS),
    deadlineMs: Date.now() + TIMEOUT_MS,
    requestId: key,
  });

const isState = (key: string, state: string) => (entry: Written) =>
  entry.key.endsWith(`"${key}"]`) && entry.state === state;
const filesNamed = (name: string) => google.drive.files().filter((file) => file.name === name);

describe('a ledger of 0.1.0', () => {
  const REPORT = { name: 'report.txt', path: 'reports/2026' };

  test('returns the receipt of a completed delivery, and creates no file', async () => {
    const story = await afterOldVersion(isState('k-new', 'done'), {});
    const receipt = await deliver(story, 'k-new', 'first version', REPORT);
    expect(receipt).toMatchObject({ outcome: 'replayed', id: '1_mumvES7yl7wtbW89P5hJ2dF2aTN-E-6', size: 13 });
    expect(filesNamed('report.txt')).toEqual([]);
  });

  test('rejects other bytes and other options for its keys', async () => {
    const story = await afterOldVersion(isState('k-new', 'done'), {});
    const reused = { code: 'idempotency-key-reused' };
    await expect(deliver(story, 'k-new', 'other bytes', REPORT)).rejects.toMatchObject(reused);
    await expect(deliver(story, 'k-new', 'first version', { ...REPORT, path: 'x' })).rejects.toMatchObject(reused);
  });

  test('continues an unfinished delivery in the file whose id was claimed', async () => {
    const id = await newId();
    const ids = { '1PZzumRr3s12gNscQIK_czDiWnJyt0Ih5': id };
    const story = await afterOldVersion(isState('k-replace-1', 'claimed'), ids);
    const receipt = await deliver(story, 'k-replace-1', 'one', { name: 'living.txt', onConflict: 'replace' });
    expect(receipt).toMatchObject({ outcome: 'created', id });
    expect(filesNamed('living.txt')).toMatchObject([{ id }]);

    // The same file, written by the replacement that 0.1.0 had planned next.
    const next = await afterOldVersion(isState('k-replace-2', 'claimed'), ids);
    const replaced = await deliver(next, 'k-replace-2', 'two', { name: 'living.txt', onConflict: 'replace' });
    expect(filesNamed('living.txt')).toMatchObject([{ id, revisions: 2, sha256: replaced.sha256, size: 3 }]);
    expect(replaced).toMatchObject({ id, idempotencyKey: 'k-replace-2' });
  });

  test('returns the receipt of a completed conversion', async () => {
    const story = await afterOldVersion(isState('k-sheet', 'done'), {});
    const receipt = await deliver(story, 'k-sheet', 'a,b\n1,2\n', { name: 'table', convertTo: 'sheet' });
    expect(receipt).toMatchObject({ outcome: 'replayed', id: '1dRIQugWPKEZ5XTazeSvQ9IOPynrUcb9f' });
    expect(filesNamed('table')).toEqual([]);
  });

  test('completes an upload session that 0.1.0 opened', async () => {
    const id = await newId();
    const parents = [google.places.sharedDrive];
    const mimeType = 'application/octet-stream';
    const opened = await drive('/upload/drive/v3/files?uploadType=resumable&supportsAllDrives=true', {
      method: 'POST',
      body: JSON.stringify({ id, name: 'large.bin', mimeType, parents }),
    });
    const uri = opened.headers.get('location') ?? '';
    expect([opened.status, uri]).toEqual([200, expect.stringContaining('upload_id=')]);
    const story = await afterOldVersion(({ key }) => key.startsWith('upload:'), {
      SESSION_URI: uri,
      '1kxvfWPjQnu9zVUmRnB_CEM3KtkGO9P-M': id,
    });
    expect((await fetch(uri, { method: 'PUT', body: 'bytes' })).status).toBe(200);
    const receipt = await story.completeUpload({
      ...{ caller: CALLER, id: 'JkjzBAoNUWEeBe-Q2Gbd5wbyV2dypSgq', requestId: 'complete' },
      ...{ signal: AbortSignal.timeout(TIMEOUT_MS), deadlineMs: Date.now() + TIMEOUT_MS },
    });
    expect(receipt).toMatchObject({ outcome: 'created', id, size: 5, idempotencyKey: 'k-upload' });
  });
});
