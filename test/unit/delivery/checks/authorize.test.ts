import { describe, expect, test } from '@jest/globals';
import { type AnnouncedDelivery, createAllow, createAuthorize } from '../../../../src/delivery/checks/check-request.ts';
import type { Destination } from '../../../../src/delivery/resolve-options.ts';
import { CourierError } from '../../../../src/errors.ts';
import type { Policy } from '../../../../src/identity/policy.ts';
import { createKeptLog } from '../../../support/kept-log.ts';

/** A caller that may write to the destination `reports`, and to no other one. */
const authorize = (announced: Partial<AnnouncedDelivery>, mayWriteAnywhere = true) => {
  const log = createKeptLog();
  const refuse = (): never => {
    throw new CourierError('destination-forbidden');
  };
  const run = createAuthorize({
    allow: (_, named) => (named === 'reports' ? ({ name: 'reports' } as Destination) : refuse()),
    requireAnyDestination: () => (mayWriteAnywhere ? undefined : refuse()),
    ...{ now: () => 0, log: { ...log, child: () => log } },
  });
  return { log, run: () => run({ caller: { sub: '1' }, requestId: 'r', ...announced }) };
};

describe('a caller, before a byte of the body is read', () => {
  test.each<[string, Partial<AnnouncedDelivery>, boolean, boolean]>([
    ['names a destination that it may write to', { options: { destination: 'reports', name: 'a' } }, false, true],
    ['names a destination that it may not write to', { options: { destination: 'secret', name: 'a' } }, true, false],
    ['means the default destination, which it may not write to', { options: { name: 'a' } }, true, false],
    ['may name a destination in the body, and may write to some', {}, true, true],
    ['may name a destination in the body, and may write to none', {}, false, false],
  ])('%s', async (_, announced, mayWriteAnywhere, isAllowed) => {
    const { run, log } = authorize(announced, mayWriteAnywhere);
    if (isAllowed) expect(run).not.toThrow();
    else expect(run).toThrow(expect.objectContaining({ code: 'destination-forbidden' }));
    await new Promise((resolve) => setImmediate(resolve));
    expect(log.lines).toHaveLength(isAllowed ? 0 : 1);
  });
});

describe('a message, whose subscription grants destinations', () => {
  const reports = { name: 'reports' } as Destination;
  const destinations = new Map([
    ['reports', reports],
    ['secret', { name: 'secret' } as Destination],
  ]);
  const resolveDestination = (): never => {
    throw new Error('the policy is for callers');
  };
  const allow = createAllow(destinations, { resolveDestination } as unknown as Policy);

  test.each<[string, string | undefined, string[], boolean]>([
    ['may name one of them', 'reports', ['reports', 'secret'], true],
    ['may name no other', 'secret', ['reports'], false],
    ['need not name the only one', undefined, ['reports'], true],
    ['must name one of several', undefined, ['reports', 'secret'], false],
    ['may name none that does not exist', 'removed', ['removed'], false],
  ])('%s', (_, named, granted, isAllowed) => {
    const allowed = () => allow({ sub: '1' }, named, granted);
    if (isAllowed) expect(allowed()).toBe(reports);
    else expect(allowed).toThrow(expect.objectContaining({ code: 'destination-forbidden' }));
  });
});
