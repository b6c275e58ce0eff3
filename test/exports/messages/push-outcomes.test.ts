import { describe, expect, test } from '@jest/globals';
import { CourierError, ERRORS, type ErrorCode } from '../../../src/errors.ts';
import { STREAMING_FORMS } from '../../support/http/http-forms.ts';
import { createPushEntry, SUBSCRIPTION } from './push-entry.ts';

describe.each(STREAMING_FORMS)('a push, %s', (form) => {
  const { entry, state, push, only } = createPushEntry(form);

  /** The codes that the message itself causes. All others have external causes and are retried. */
  const GIVEN_UP: readonly string[] = [
    ...['request-invalid', 'name-invalid', 'path-invalid', 'range-unsupported', 'digest-malformed', 'digest-mismatch'],
    ...['token-missing', 'token-invalid', 'token-expired', 'token-audience'],
    ...[
      'caller-not-allowed',
      'destination-forbidden',
      'query-not-found',
      'not-found',
      'method-not-allowed',
      'length-required',
    ],
    ...['too-large', 'media-type-unsupported', 'name-taken', 'upload-incomplete'],
    ...['idempotency-key-reused', 'conversion-refused'],
  ];
  const CODES = Object.keys(ERRORS) as ErrorCode[];
  test.each(CODES)('whose delivery fails with %s is acknowledged as the table of errors specifies', async (code) => {
    const forGood = GIVEN_UP.includes(code);
    state.failure = new CourierError(code, { detail: 'as the test wants' });
    const { status, json, headers } = await push({ data: '{"name":"a","source":{"text":""}}' });
    expect([status, state.dead.length]).toEqual(forGood ? [204, 1] : [503, 0]);
    if (forGood) return;
    expect(json).toMatchObject({ status: 503, code });
    expect(Number(headers['retry-after'])).toBeGreaterThan(0);
  });

  test.each([
    ['that vanished', 'source-not-found', { data: '{"source":{"gcs":"gs://elsewhere/a"}}' }],
    [
      'overwritten since',
      'source-not-found',
      { attributes: { eventType: 'OBJECT_FINALIZE', bucketId: 'elsewhere', objectId: 'a', objectGeneration: '1' } },
    ],
  ])('of an object %s is retried, subject to Pub/Sub’s own policy', async (_, code, message) => {
    const { status, json } = await push(message);
    expect([status, json.code, state.dead.length]).toEqual([503, code, 0]);
  });

  test('that cannot be published as a dead letter is retried', async () => {
    state.deadLetterFailure = new CourierError('google-unavailable');
    const { status, json } = await push({ data: 'hello' });
    expect([status, json.code]).toEqual([503, 'google-unavailable']);
  });

  test('logs its attempt and ordering key', async () => {
    await push({ data: '{"name":"a","source":{"text":""}}', deliveryAttempt: 5, orderingKey: 'customer-1' });
    expect(only().delivery.options.name).toBe('a');
    const [line] = entry().services.log.lines.filter((text) => text.startsWith('info message created'));
    expect(line).toContain('"deliveryAttempt":5');
    expect(line).toContain('"orderingKey":"customer-1"');
    expect(line).toContain(`"origin":"${SUBSCRIPTION}"`);
    expect(line).toContain(`"requestId":"${only().delivery.requestId}"`);
  });
});
