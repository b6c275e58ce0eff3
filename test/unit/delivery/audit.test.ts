import { describe, expect, test } from '@jest/globals';
import { beginAudit, isAudited } from '../../../src/delivery/audit.ts';
import type { Receipt } from '../../../src/domain.ts';
import { CourierError } from '../../../src/errors.ts';
import type { Telemetry } from '../../../src/telemetry.ts';

const RECEIPT = { id: 'f1', outcome: 'created', size: 3, path: '', folderId: 'folder', name: 'a.csv' } as Receipt;

/** One delivery, whose step `put` takes 20 ms. */
const run = async (end: () => Receipt) => {
  let nowMs = 0;
  const written: [string, { audit?: object }][] = [];
  const metrics: object[] = [];
  const receipts: object[] = [];
  const keep = (level: string) => (fields: object) => void written.push([level, fields]);
  const log = { debug: keep('debug'), info: keep('info'), warn: keep('warn'), error: keep('error'), child: () => log };
  const telemetry = {
    step: (_: string, work: () => Promise<unknown>) => work(),
    delivered: (facts: object) => void metrics.push(facts),
  } as unknown as Telemetry;
  const asked = { caller: { sub: '1' }, destination: 'reports', name: 'a.csv', size: 5, idempotencyKey: 'k' };
  const onReceipt = (facts: object) => void receipts.push(facts);
  const audit = beginAudit(asked, { now: () => nowMs, log, telemetry, onReceipt });
  audit.callStats.units = 7;
  const work = () =>
    audit.stepTimer.time('put', async () => {
      nowMs += 20;
      return end();
    });
  const result = await audit.run(work).catch((error: unknown) => error);
  return { result, written, metrics, receipts };
};

describe('a delivery', () => {
  test('that has a receipt is logged, counted with its bytes, and passed on', async () => {
    const { result, written, metrics, receipts } = await run(() => RECEIPT);
    expect(result).toBe(RECEIPT);
    const audit = { outcome: 'created', size: 3, fileId: 'f1', milliseconds: { put: 20, total: 20 } };
    expect(written).toMatchObject([['info', { audit }]]);
    expect(receipts).toMatchObject([audit]);
    expect(metrics).toEqual([{ destination: 'reports', outcome: 'created', bytes: 3, milliseconds: 20, units: 7 }]);
  });

  test('that fails is logged as a warning, counted without bytes, and not passed on', async () => {
    const error = new CourierError('drive-full');
    const { result, written, metrics, receipts } = await run(() => {
      throw error;
    });
    expect(result).toBe(error);
    const audit = { outcome: 'failed', code: 'drive-full', size: 5, milliseconds: { put: 20, total: 20 } };
    expect(written).toMatchObject([['warn', { audit }]]);
    expect(receipts).toEqual([]);
    const labels = { destination: 'reports', outcome: 'failed', code: 'drive-full' };
    expect(metrics).toEqual([{ ...labels, bytes: 0, milliseconds: 20, units: 7 }]);
  });

  test('that fails has an audit line, also where its error is the cause of the one that is answered', async () => {
    const error = new CourierError('drive-full');
    expect(isAudited(error)).toBe(false);
    await run(() => {
      throw error;
    });
    expect(isAudited(error)).toBe(true);
    expect(isAudited(new CourierError('internal', { cause: error }))).toBe(true);
    for (const cause of [undefined, null, 'text', new Error('another')]) {
      expect(isAudited(new CourierError('internal', { cause }))).toBe(false);
    }
  });
});
