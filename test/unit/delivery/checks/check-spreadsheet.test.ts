import { describe, expect, test } from '@jest/globals';
import { checkSpreadsheet } from '../../../../src/delivery/checks/check-spreadsheet.ts';
import type { ResolvedRequest } from '../../../../src/delivery/resolve-options.ts';
import type { DeliveryOptions } from '../../../../src/domain.ts';

const check = (options: Partial<DeliveryOptions>, request: Partial<ResolvedRequest> = {}) =>
  checkSpreadsheet(
    options as DeliveryOptions,
    { convertTo: 'sheet', onConflict: 'append', ...request } as ResolvedRequest,
  );

describe('a destination that is a spreadsheet', () => {
  test.each<Partial<DeliveryOptions>>([{}, { path: '' }, { path: 'a/b', isPathOfObject: true }, { tab: 'A' }])(
    'takes rows with %j',
    (options) => {
      expect(() => check(options)).not.toThrow();
      expect(() => check(options, { onConflict: 'replace' })).not.toThrow();
    },
  );

  test.each<[Partial<DeliveryOptions>, Partial<ResolvedRequest>]>([
    [{ path: 'a' }, {}],
    [{ description: 'x' }, {}],
    [{ createdTime: '2026-11-24T12:00:00Z' }, {}],
    [{ modifiedTime: '2026-11-24T12:00:00Z' }, {}],
    [{ properties: { a: 'b' } }, {}],
    [{ keepRevisionForever: true }, {}],
    [{}, { onConflict: 'new' }],
    [{}, { convertTo: 'doc' }],
    [{}, { convertTo: undefined }],
  ])('takes no request with %j and %j', (options, request) => {
    expect(() => check(options, request)).toThrow(expect.objectContaining({ code: 'request-invalid' }));
  });
});
