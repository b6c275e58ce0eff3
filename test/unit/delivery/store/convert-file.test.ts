import { createHash } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import type { Claim } from '../../../../src/delivery/idempotency.ts';
import { KEY_PROPERTY, keyMark } from '../../../../src/delivery/idempotency.ts';
import { convert } from '../../../../src/delivery/store/convert-file.ts';
import type { Receipt } from '../../../../src/domain.ts';
import type { DriveFile, UploadResult } from '../../../../src/drive/drive.ts';
import { CourierError } from '../../../../src/errors.ts';
import { KEY, NAMED, NAME_LEASE, OWN, PLAN, TYPE } from '../../../support/drive/conversion.ts';
import { driveFile } from '../../../support/drive/drive-file.ts';
import { createFakeStep } from '../../../support/drive/fake-upload-step.ts';

const BYTES = Buffer.from('a,b\n');
const RECEIVED = { sha256: createHash('sha256').update(BYTES).digest('hex'), size: BYTES.length };
const RECEIPT = { id: 'f1' } as Receipt;

interface Setting {
  plan?: typeof PLAN;
  claim?: Partial<Claim>;
  /** Documents that Drive's search shows by the key's property, or by the name. */
  marked?: DriveFile[];
  named?: DriveFile[];
  result?: UploadResult;
}

const setUp = ({ plan = PLAN, claim, marked = [], named = [], result }: Setting) => {
  const source = {
    async *open() {
      yield BYTES;
    },
  };
  const stored: UploadResult = result ?? { kind: 'stored', file: OWN, received: RECEIVED };
  const get = async (id: string) => [OWN, ...named].find((file) => file.id === id);
  const driveAnswers = { get, findMarked: async () => marked, find: async () => named };
  const fake = createFakeStep({ plan, claim, results: [stored], source, driveAnswers });
  // Leases are not renewed; pauses between looks take no time.
  const sleep = (ms: number) => (ms <= 3_000 ? Promise.resolve() : new Promise<void>(() => undefined));
  const step = { ...fake.step, sleep };
  const commit = () => {
    const [target] = fake.targets;
    if (target === undefined) throw new Error('nothing was sent');
    return Promise.resolve(fake.requests[0]?.beforeCommit?.(RECEIVED, target));
  };
  return { ...fake, step, commit, run: () => convert(step, plan) };
};

const claimOf = (change: Partial<Claim> = {}): Partial<Claim> => ({
  ...{ key: KEY, mine: true, refresh: async () => undefined, commitTo: async () => 'committed' as const },
  ...change,
});

describe('a conversion', () => {
  test('creates a document of the planned type, with the mark of its key', async () => {
    const { run, targets } = setUp({ claim: claimOf() });
    expect(await run()).toMatchObject({ file: OWN, outcome: 'created', isNew: true, received: RECEIVED });
    const appProperties = { [KEY_PROPERTY]: keyMark(KEY) };
    expect(targets).toMatchObject([{ kind: 'create', file: { convertTo: TYPE, folderId: 'folder', appProperties } }]);
  });

  test.each<[string, Setting]>([
    ['that has answered', { claim: claimOf({ mine: false, refresh: async () => RECEIPT }) }],
    ['whose document the search shows', { claim: claimOf({ mine: false }), marked: [OWN] }],
  ])('that an earlier try has made is not made again: one %s', async (_, setting) => {
    const { run, targets } = setUp(setting);
    expect(await run()).toMatchObject({ file: OWN, outcome: 'replayed', isNew: true, received: RECEIVED });
    expect(targets).toEqual([]);
  });

  const CREATED_MS = 1_795_000_000_000;
  const moved = { ...OWN, createdTime: new Date(CREATED_MS).toISOString(), parents: ['elsewhere'] };
  test.each<[string, number, DriveFile[], number]>([
    ["in another folder, where a person has moved it, is the key's", CREATED_MS, [moved], 0],
    ["is the key's although the clock of the instance is fast", CREATED_MS + 3_599_999, [moved], 0],
    ['in another folder is of an earlier use of the key', CREATED_MS + 3_600_000, [moved], 1],
    ["in the folder is the key's at any age", CREATED_MS + 3_600_000, [moved, OWN], 0],
  ])('whose unanswered document %s', async (_, claimedAtMs, marked, sent) => {
    const { run, targets } = setUp({ claim: claimOf({ mine: false, claimedAtMs }), marked });
    await run();
    expect(targets).toHaveLength(sent);
  });

  test('that another try makes meanwhile is found before the document is made twice', async () => {
    const marked: DriveFile[] = [];
    const { run, commit } = setUp({ claim: claimOf({ mine: false }), marked });
    await run();
    marked.push(OWN);
    expect(await commit()).toEqual({ file: OWN });
  });

  test('that another try has answered meanwhile ends with the document of that one', async () => {
    const { run, commit } = setUp({ claim: claimOf({ commitTo: async () => ({ receipt: RECEIPT }) }) });
    await run();
    expect(await commit()).toEqual({ file: OWN });
  });

  test('that another try has answered before the lease is taken ends with the document of that one', async () => {
    const { run, commit } = setUp({ claim: claimOf({ refresh: async () => RECEIPT }) });
    await run();
    expect(await commit()).toEqual({ file: OWN });
  });

  test('without a key, to a name of its own, has nothing to wait for', async () => {
    const { run, commit } = setUp({});
    await run();
    expect(await commit()).toBeUndefined();
  });

  test('whose plan another try has changed makes nothing', async () => {
    const { run, commit } = setUp({ claim: claimOf({ commitTo: async () => 'revised' }) });
    await run();
    await expect(commit()).rejects.toMatchObject({ code: 'drive-unavailable' });
  });

  test('to a name that another delivery has taken meanwhile makes nothing', async () => {
    const { run, commit } = setUp({ plan: NAMED, named: [driveFile({ id: 'f2', mimeType: TYPE })] });
    await run();
    await expect(commit()).rejects.toMatchObject({ code: 'drive-unavailable' });
  });
});

describe('a conversion whose first attempt got no answer', () => {
  /** The outcomes of the checks before two attempts, between which something happens. */
  const checkTwice = async (setting: Setting, between: () => void): Promise<unknown[]> => {
    const { step } = setUp(setting);
    const outcomes: unknown[] = [];
    const startUpload: typeof step.request.destination.drive.startUpload = async (request) => ({
      async send(target) {
        outcomes.push(await request.beforeCommit?.(RECEIVED, target));
        between();
        outcomes.push(await Promise.resolve(request.beforeCommit?.(RECEIVED, target)).catch((error) => error.code));
        return { kind: 'stored', file: OWN, received: RECEIVED };
      },
      ...{ received: async () => RECEIVED, close: () => undefined },
    });
    step.request.destination.drive.startUpload = startUpload;
    await convert(step, setting.plan ?? PLAN);
    return outcomes;
  };

  test('is not sent again to a name that a person has taken since', async () => {
    const named: DriveFile[] = [];
    const taken = (): void => void named.push(driveFile({ id: 'f2', mimeType: TYPE }));
    expect(await checkTwice({ plan: NAMED, named }, taken)).toEqual([undefined, 'drive-unavailable']);
  });

  test('is not sent again if the search shows the document that it has made', async () => {
    const marked: DriveFile[] = [];
    const shown = (): void => void marked.push(OWN);
    expect(await checkTwice({ claim: claimOf(), marked }, shown)).toEqual([undefined, { file: OWN }]);
  });
});

describe('the lease of a conversion', () => {
  /** The bytes are complete and the lease is taken; then Drive refuses them. */
  const failWith = async (error: CourierError, status?: number | 'not asked'): Promise<boolean> => {
    const { step } = setUp({ plan: NAMED });
    const startUpload: typeof step.request.destination.drive.startUpload = async (request) => ({
      async send(target) {
        await request.beforeCommit?.(RECEIVED, target);
        if (status !== 'not asked') request.onCommit?.(target)(status);
        throw error;
      },
      ...{ received: async () => RECEIVED, close: () => undefined },
    });
    step.request.destination.drive.startUpload = startUpload;
    await expect(convert(step, NAMED)).rejects.toBe(error);
    return (await step.ledger.read(NAME_LEASE)) !== undefined;
  };

  test('is checked before each request, and one that has expired ends the upload', async () => {
    const { step } = setUp({ plan: NAMED });
    let nowMs = step.now();
    const startUpload: typeof step.request.destination.drive.startUpload = async (request) => ({
      async send(target) {
        await request.beforeCommit?.(RECEIVED, target);
        request.beforeSend?.();
        expect(request.signal?.aborted).toBe(false);
        nowMs += 24 * 3_600_000;
        request.beforeSend?.();
        expect(request.signal?.aborted).toBe(true);
        throw request.signal?.reason;
      },
      ...{ received: async () => RECEIVED, close: () => undefined },
    });
    step.request.destination.drive.startUpload = startUpload;
    await expect(convert({ ...step, now: () => nowMs }, NAMED)).rejects.toMatchObject({ code: 'google-unavailable' });
  });

  test('stays while the receipt is not recorded', async () => {
    for (const isFinished of [false, true]) {
      const { step, endings } = setUp({ plan: NAMED, claim: claimOf({ isFinished: () => isFinished }) });
      const startUpload: typeof step.request.destination.drive.startUpload = async (request) => ({
        async send(target) {
          await request.beforeCommit?.(RECEIVED, target);
          return { kind: 'stored', file: OWN, received: RECEIVED };
        },
        ...{ received: async () => RECEIVED, close: () => undefined },
      });
      step.request.destination.drive.startUpload = startUpload;
      await convert(step, NAMED);
      for (const work of endings) await work();
      expect((await step.ledger.read(NAME_LEASE)) !== undefined).toBe(!isFinished);
    }
  });

  test('ends at once after an error that lasts, and expires by itself after one whose request may still take effect', async () => {
    expect(await failWith(new CourierError('drive-full'), 403)).toBe(false);
    expect(await failWith(new CourierError('drive-unavailable'), 503)).toBe(true);
    // The caller has left.
    expect(await failWith(new CourierError('body-truncated'))).toBe(true);
    // Drive has made the document and does not show it yet.
    expect(await failWith(new CourierError('drive-unavailable'), 200)).toBe(true);
    // No request was sent.
    expect(await failWith(new CourierError('drive-unavailable'), 'not asked')).toBe(false);
  });
});
