import { describe, expect, test } from '@jest/globals';
import { destination } from '../../../src/config/schema/destination.ts';
import { applyPolicy, fixedLabels, labelsOf, restrictionsOf } from '../../../src/delivery/policy.ts';
import type { Destination, ResolvedRequest } from '../../../src/delivery/resolve-options.ts';
import type { CallContext } from '../../../src/drive/drive.ts';
import { CourierError } from '../../../src/errors.ts';
import { createKeptLog } from '../../support/kept-log.ts';

const configOf = (change: object) =>
  destination.parse({ folder: '0AbCdEf', credentials: 'main', callers: ['a@example.com'], ...change });

describe('restrictions', () => {
  test.each<[object, object | undefined]>([
    [{}, undefined],
    [{ readOnly: true }, { readOnly: true }],
    [{ noDownload: true }, { noDownload: { readers: true, writers: false } }],
    [{ noDownload: 'everyone' }, { noDownload: { readers: true, writers: true } }],
    [{ copyRequiresWriterPermission: true }, { copyRequiresWriterPermission: true }],
    [{ writersCanShare: false }, { writersCanShare: false }],
  ])('of a destination with %j: %j', (change, expected) => {
    expect(restrictionsOf(configOf(change))).toEqual(expected);
  });
});

describe('labels', () => {
  const labels = {
    fixed: { one: { text: 'a' } },
    given: { two: { text: { property: 'kind' } } },
    mixed: { one: { text: 'a' }, two: { text: { property: 'kind' } } },
    optional: { required: false, fields: { one: { text: 'a' } } },
  };
  const config = configOf({ labels });
  const requestOf = (properties: Record<string, string>): Pick<ResolvedRequest, 'details' | 'destination'> => ({
    details: { properties },
    destination: { config } as Destination,
  });
  const ONE = { fieldId: 'one', type: 'text', value: 'a' };
  const TWO = { fieldId: 'two', type: 'text', value: 'invoice' };

  test('have the values of the configuration and of the request', () => {
    expect(labelsOf(requestOf({ kind: 'invoice' }))).toEqual([
      { labelId: 'fixed', fields: [ONE] },
      { labelId: 'given', fields: [TWO] },
      { labelId: 'mixed', fields: [ONE, TWO] },
    ]);
  });

  test.each([{}, { kind: '' }])('are refused where the request has only the properties %j', (properties) => {
    expect(() => labelsOf(requestOf(properties))).toThrow(expect.objectContaining({ code: 'request-invalid' }));
  });

  test('are fixed only if all their values are in the configuration', () => {
    expect(fixedLabels(config.labels, true)).toEqual([{ labelId: 'fixed', fields: [ONE] }]);
    expect(fixedLabels(config.labels, false)).toEqual([{ labelId: 'optional', fields: [ONE] }]);
  });
});

describe('a label that is not required', () => {
  const config = configOf({
    labels: { fixed: { one: { text: 'b' } }, optional: { required: false, fields: { one: { text: 'a' } } } },
  });
  const FIXED = { labelId: 'fixed', fields: [{ fieldId: 'one', type: 'text', value: 'b' }] };
  const apply = async (refusal?: CourierError) => {
    const set: unknown[] = [];
    const policy = {
      async setLabels(...given: unknown[]) {
        set.push(given);
        if (refusal !== undefined && set.length > 1) throw refusal;
      },
    };
    const destination = { config, drive: { policy: async () => policy } } as unknown as Destination;
    const request = { destination, details: {} } as ResolvedRequest;
    const context = { deadlineMs: 1 };
    const warnings = await applyPolicy(
      { request, log: createKeptLog(), now: () => 0 },
      { id: 'f1', modifiedTime: '' },
      context,
    );
    return { set, warnings, context };
  };

  test('is put on the file, after those that are', async () => {
    const { set, warnings, context } = await apply();
    const label = { labelId: 'optional', fields: [{ fieldId: 'one', type: 'text', value: 'a' }] };
    expect(set).toEqual([
      ['f1', [FIXED], context],
      ['f1', [label], context],
    ]);
    expect(warnings).toEqual([]);
  });

  test('is a warning where Drive refuses it', async () => {
    const { warnings } = await apply(new CourierError('label-refused'));
    expect(warnings).toEqual([expect.stringContaining('optional')]);
  });
});

describe('a new file that Drive shows late', () => {
  /** @param misses how often Drive answers 404, for each of the two changes */
  const apply = async (misses: number, context: CallContext = {}) => {
    const config = configOf({ labels: { fixed: { one: { text: 'b' } } }, readOnly: true });
    const calls: string[] = [];
    let nowMs = 0;
    const change = (name: string) => {
      let left = misses;
      return async (): Promise<void> => {
        calls.push(name);
        if (left-- > 0) throw new CourierError('folder-not-found');
      };
    };
    const policy = { setLabels: change('labels'), restrict: change('restrict') };
    const destination = { config, drive: { policy: async () => policy } } as unknown as Destination;
    const request = { destination, details: {} } as ResolvedRequest;
    const sleep = async (ms: number, signal?: AbortSignal): Promise<void> => {
      calls.push(`sleep ${ms}`);
      nowMs += ms;
      signal?.throwIfAborted();
    };
    const means = { request, log: createKeptLog(), now: () => nowMs, sleep };
    const file = { id: 'f1', modifiedTime: '' };
    const outcome = await applyPolicy(means, file, context).catch(({ code }) => code);
    return { calls, outcome };
  };

  test('gets its labels and restrictions after short pauses', async () => {
    expect(await apply(1)).toEqual({
      calls: ['labels', 'sleep 500', 'labels', 'restrict', 'sleep 500', 'restrict'],
      outcome: [],
    });
  });

  test('is an error if it stays away', async () => {
    const { calls, outcome } = await apply(4);
    expect(outcome).toBe('label-refused');
    expect(calls.filter((call) => call.startsWith('sleep'))).toEqual(['sleep 500', 'sleep 1500', 'sleep 3000']);
  });
  test('is not waited for after the deadline', async () => {
    expect(await apply(4, { deadlineMs: 5_600 })).toEqual({
      calls: ['labels', 'sleep 500', 'labels'],
      outcome: 'drive-unavailable',
    });
  });

  test('is not waited for after the caller has left', async () => {
    const { calls } = await apply(4, { signal: AbortSignal.abort(new CourierError('body-truncated')) });
    expect(calls.filter((call) => call === 'labels')).toHaveLength(1);
  });
});
