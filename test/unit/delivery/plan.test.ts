import { describe, expect, test } from '@jest/globals';
import {
  accountFor,
  choosePlan,
  type Plan,
  type Planning,
  planForExisting,
  withAccount,
} from '../../../src/delivery/plan.ts';
import type { Accounts, Destination, ResolvedRequest } from '../../../src/delivery/resolve-options.ts';
import type { DriveFile } from '../../../src/drive/drive.ts';
import { createMemoryLedger } from '../../../src/ledger/memory.ts';
import { driveFile } from '../../support/drive/drive-file.ts';
import { createKeptLog } from '../../support/kept-log.ts';

const SHEET_TYPE = 'application/vnd.google-apps.spreadsheet';
const DOC_TYPE = 'application/vnd.google-apps.document';
const FILE = driveFile({ headRevisionId: 'r1' });
const SHEET = driveFile({ mimeType: SHEET_TYPE, headRevisionId: undefined });
const DOC = driveFile({ mimeType: DOC_TYPE });
const AT = { fileId: 'f1', folderId: 'folder' };

type Rule = ResolvedRequest['onConflict'];

describe('a file of the name', () => {
  test.each<[Rule, string, DriveFile, string | undefined, Plan | 'name-taken']>([
    ['skip', 'a file', FILE, undefined, { kind: 'skip', ...AT }],
    ['skip', 'a document', DOC, SHEET_TYPE, { kind: 'skip', ...AT }],
    ['fail', 'a file', FILE, undefined, 'name-taken'],
    ['replace', 'a file', FILE, undefined, { kind: 'replace', ...AT, formerRevisionId: 'r1' }],
    ['replace', 'a sheet by a sheet', SHEET, SHEET_TYPE, { kind: 'replace', ...AT, convertTo: SHEET_TYPE }],
    ['replace', 'a document by a sheet', DOC, SHEET_TYPE, 'name-taken'],
    ['replace', 'a file by a sheet', FILE, SHEET_TYPE, 'name-taken'],
    ['replace', 'a sheet by bytes', SHEET, undefined, 'name-taken'],
  ])('with onConflict=%s, %s', (onConflict, _, existing, target, expected) => {
    const plan = () =>
      planForExisting({ name: 'report.csv', onConflict } as ResolvedRequest, existing, 'folder', target);
    if (expected === 'name-taken') expect(plan).toThrow(expect.objectContaining({ code: 'name-taken' }));
    else expect(plan()).toEqual(expected);
  });
});

describe('the account of a delivery', () => {
  const names = ['first', 'second', 'third'];
  /** The second account is the next one for new files. */
  const accountOf = (onConflict: Rule, plan: Partial<Plan> | undefined, config = {}): string => {
    const views: Destination[] = names.map((name) => {
      const of: Accounts['of'] = ({ credentials = 'first' }) => views[names.indexOf(credentials)] as Destination;
      const accounts = { name, of, choose: () => views[1] } as Accounts;
      return { name: 'reports', config, accounts } as Destination;
    });
    const [destination] = views;
    if (destination === undefined) throw new Error('there is a first account');
    return accountFor({ destination, onConflict }, plan)?.accounts?.name ?? '';
  };

  test.each<[string, Rule, Partial<Plan> | undefined, object, string]>([
    ['of a new file is the next one', 'new', undefined, {}, 'second'],
    ['is that of the plan', 'replace', { credentials: 'third' }, {}, 'third'],
    ['of rows that are appended is the first one', 'append', undefined, {}, 'first'],
    ['of rows that are appended is the first one without one in the plan', 'append', {}, {}, 'first'],
    ['of rows whose sheet another account has made is that one', 'append', { credentials: 'third' }, {}, 'third'],
    ['of rows for one spreadsheet is the first one', 'replace', undefined, { spreadsheet: 's' }, 'first'],
  ])('%s', (_, rule, plan, config, account) => {
    expect(accountOf(rule, plan, config)).toBe(account);
  });
});

const choose = (onConflict: Rule, found: DriveFile[], convertTo?: 'sheet') => {
  const now = (): number => 1_000_000;
  const drive = {
    find: async () => found,
    get: async (id: string) => found.find((file) => file.id === id),
    newId: async () => 'new-id',
    imports: async () => ({ formats: { 'text/csv': [SHEET_TYPE] }, maxSizes: {} }),
  };
  return choosePlan({
    ...{ folderId: 'folder', source: { mimeType: 'text/csv', size: 3 }, context: {}, now },
    ...{ ledger: createMemoryLedger({ now }), log: createKeptLog(), sleep: async () => undefined },
    request: { name: 'report.csv', onConflict, convertTo, destination: { drive, config: {} }, details: {}, rows: {} },
  } as unknown as Planning);
};

describe('a plan', () => {
  test.each<[Rule, string, DriveFile[], object]>([
    ['new', 'a name that is taken', [FILE], { kind: 'create', fileId: 'new-id', folderId: 'folder', rule: 'new' }],
    ['skip', 'a name that is taken', [FILE], { kind: 'skip', ...AT }],
    ['replace', 'a name that is taken', [FILE], { kind: 'replace', ...AT, formerRevisionId: 'r1' }],
    [
      'fail',
      'a name that is free',
      [],
      { kind: 'create', fileId: 'new-id', rule: 'fail', nameKey: expect.any(String) },
    ],
  ])('with onConflict=%s for %s', async (rule, _, found, expected) => {
    expect(await choose(rule, found)).toMatchObject(expected);
  });
});

describe('a plan for a conversion', () => {
  test.each<[Rule, string, DriveFile[], object]>([
    ['new', 'a name that is taken', [SHEET], { kind: 'convert', target: SHEET_TYPE, rule: 'new' }],
    ['fail', 'a name that is free', [], { kind: 'convert', target: SHEET_TYPE, rule: 'fail' }],
    ['skip', 'a name that is taken', [SHEET], { kind: 'skip', ...AT }],
    ['replace', 'a name that is taken', [SHEET], { kind: 'replace', ...AT, convertTo: SHEET_TYPE }],
  ])('with onConflict=%s for %s', async (rule, _, found, expected) => {
    expect(await choose(rule, found, 'sheet')).toMatchObject(expected);
  });
});

test.each<[Plan, boolean]>([
  [{ kind: 'create', fileId: 'f1', folderId: 'folder', rule: 'new' }, true],
  [{ kind: 'replace', ...AT }, true],
  [{ kind: 'skip', ...AT }, false],
])('the plan %j notes whose account writes: %s', (plan, isNoted) => {
  const destination = (accounts: object | undefined) => ({ destination: { accounts } }) as ResolvedRequest;
  expect(withAccount(destination(undefined), plan)).toBe(plan);
  expect(withAccount(destination({ name: 'main' }), plan)).toEqual(isNoted ? { ...plan, credentials: 'main' } : plan);
});
