import { describe, expect, test } from '@jest/globals';
import type { Claim } from '../../../../src/delivery/idempotency.ts';
import { convert } from '../../../../src/delivery/store/convert-file.ts';
import type { DriveFile } from '../../../../src/drive/drive.ts';
import { CourierError } from '../../../../src/errors.ts';
import { KEY, NAMED, NAME_LEASE, OWN, PLAN, TYPE } from '../../../support/drive/conversion.ts';
import { driveFile } from '../../../support/drive/drive-file.ts';
import { createFakeStep } from '../../../support/drive/fake-upload-step.ts';

const RECEIVED = { sha256: 'a'.repeat(64), size: 4 };
const LATER_TRY: Partial<Claim> = {
  ...{ key: KEY, mine: false, refresh: async () => undefined, commitTo: async () => 'committed' },
};

describe('the lease of a conversion that has expired', () => {
  /** The lease of a conversion whose process was paused has expired, and another one takes it over. */
  const takeOver = async ({
    plan,
    made,
    claim,
    refusal,
  }: {
    plan: typeof PLAN;
    made: DriveFile | undefined;
    claim?: Partial<Claim>;
    /** Drive's answer to the question for the document. */
    refusal?: CourierError;
  }) => {
    const ended: string[] = [];
    const fake = createFakeStep({
      ...{ plan, claim, files: made === undefined ? [] : [made] },
      driveAnswers: {
        ...(refusal && { get: () => Promise.reject(refusal) }),
        findMarked: async () => [],
        async endSession(uri: string) {
          ended.push(uri);
          return made;
        },
      },
    });
    const { step } = fake;
    const key = plan.rule === 'new' ? `convert:${KEY}` : NAME_LEASE;
    const record = { expiresAtMs: step.now() - 10_000, note: 'their session' };
    const entry = { fileId: '', fingerprint: '', state: 'claimed', record, claimedAtMs: 0 } as const;
    await step.ledger.claim(key, entry);
    const ledger: typeof step.ledger = {
      ...step.ledger,
      // Without the age of the entry, its own time counts.
      async claim(...given) {
        const { entry: stored, mine } = await step.ledger.claim(...given);
        return { entry: stored, mine };
      },
    };
    const startUpload: typeof step.request.destination.drive.startUpload = async (request) => ({
      async send(target) {
        const superseding = await request.beforeCommit?.(RECEIVED, target, 'own session');
        return superseding === undefined
          ? { kind: 'stored', file: OWN, received: RECEIVED }
          : { kind: 'superseded', file: superseding.file, received: RECEIVED };
      },
      ...{ received: async () => RECEIVED, close: () => undefined },
    });
    step.request.destination.drive.startUpload = startUpload;
    const sleep = () => new Promise<void>(() => undefined);
    const run = () => convert({ ...step, ledger, sleep }, plan);
    return { run, ended, ledger };
  };

  test('is taken over after the session of its holder has ended without a document', async () => {
    const { run, ended } = await takeOver({ plan: PLAN, made: undefined, claim: LATER_TRY });
    expect(await run()).toMatchObject({ outcome: 'created' });
    expect(ended).toEqual(['their session']);
  });

  test('shows the document that its holder has made for the key, before the search does', async () => {
    const theirs = { ...OWN, id: 'theirs', parents: ['folder'] };
    for (const plan of [PLAN, NAMED]) {
      const { run } = await takeOver({ plan, made: theirs, claim: LATER_TRY });
      expect(await run()).toMatchObject({ file: { id: 'theirs' }, outcome: 'replayed' });
    }
  });

  test.each([
    ['for a reason that lasts', new CourierError('drive-refused'), { file: { id: 'theirs' }, outcome: 'replayed' }],
    ['for a reason that may pass', new CourierError('drive-rate-limited'), 'drive-rate-limited'],
  ])('shows a document that Drive does not describe %s', async (_, refusal, expected) => {
    const theirs = { ...OWN, id: 'theirs', parents: ['folder'] };
    const { run } = await takeOver({ plan: PLAN, made: theirs, claim: LATER_TRY, refusal });
    const outcome = await run().catch(({ code }: CourierError) => code);
    if (typeof expected === 'string') expect(outcome).toBe(expected);
    else expect(outcome).toMatchObject(expected);
  });

  test('shows the document that another delivery has made of the name', async () => {
    const theirs = driveFile({ id: 'theirs', mimeType: TYPE, parents: ['folder'], name: 'report.csv' });
    const { run, ledger } = await takeOver({ plan: NAMED, made: theirs });
    await expect(run()).rejects.toMatchObject({ code: 'drive-unavailable' });
    expect(await ledger.read('converted:["folder","report.csv",0]')).toMatchObject({ fileId: 'theirs' });
  });
});
