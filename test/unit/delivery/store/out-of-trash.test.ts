import { describe, expect, test } from '@jest/globals';
import type { Plan } from '../../../../src/delivery/plan.ts';
import { createFile } from '../../../../src/delivery/store/create-file.ts';
import type { UploadResult } from '../../../../src/drive/drive.ts';
import { CourierError } from '../../../../src/errors.ts';
import type { Ledger } from '../../../../src/ledger/ledger.ts';
import { driveFile } from '../../../support/drive/drive-file.ts';
import { createFakeStep } from '../../../support/drive/fake-upload-step.ts';

type CreatePlan = Plan & { kind: 'create' };

const NEW: CreatePlan = { kind: 'create', fileId: 'f1', folderId: 'folder', rule: 'new' };
const RECEIVED = { sha256: 'a'.repeat(64), size: 3 };
const stored = (change: Parameters<typeof driveFile>[0] = {}): UploadResult => ({
  kind: 'stored',
  file: driveFile(change),
  received: RECEIVED,
});

describe('a new file', () => {
  test.each<[string, string, string[]]>([
    ['has its name there afterwards', 'f1', ['move f1 from folder to fresh']],
    [
      'is moved back if another delivery has claimed its name meanwhile',
      'theirs',
      ['move f1 from folder to fresh', 'move f1 from fresh to folder'],
    ],
  ])('that is moved out of the trash %s', async (_, owner, moves) => {
    const plan: CreatePlan = { ...NEW, rule: 'replace' };
    const { step, calls } = createFakeStep({ plan, path: 'reports', results: [stored({ trashed: true })] });
    const claim: Ledger['claim'] = (key, entry) => step.ledger.claim(key, { ...entry, fileId: owner });
    const result = await createFile({ ...step, ledger: { ...step.ledger, claim } }, plan, undefined);
    expect(calls.filter((call) => call.startsWith('move'))).toEqual(moves);
    expect(result.warnings).toEqual(moves.length === 1 ? undefined : [expect.any(String)]);
    const name = `file:["fresh",${JSON.stringify(step.request.name)},0]`;
    expect(await step.ledger.read(name)).toMatchObject({ fileId: owner, state: 'done' });
  });

  test('that is moved out of the trash is described where it is, also if its name cannot be noted there', async () => {
    const plan: CreatePlan = { ...NEW, rule: 'replace' };
    const { step, calls } = createFakeStep({ plan, path: 'reports', results: [stored({ trashed: true })] });
    const claim = () => Promise.reject(new CourierError('google-unavailable'));
    const result = await createFile({ ...step, ledger: { ...step.ledger, claim } }, plan, undefined);
    expect(calls.filter((call) => call.startsWith('move'))).toEqual(['move f1 from folder to fresh']);
    expect([result.file.parents, result.warnings]).toEqual([['fresh'], undefined]);
  });
});
