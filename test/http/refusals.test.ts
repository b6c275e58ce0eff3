import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { CourierError } from '../../src/errors.ts';
import { type Entry, FORMS, startEntry } from '../support/http/http-forms.ts';

describe.each(FORMS)('a rejected caller, %s', (form) => {
  let entry: Entry;
  let nowMs = 1_000_000;
  beforeAll(async () => {
    entry = await startEntry(form, {
      services: {
        now: () => nowMs,
        async deliver() {
          throw new CourierError('destination-forbidden');
        },
      },
    });
  });
  afterAll(() => entry.close());

  const refusedAs = async (authorization: string | undefined): Promise<string> => {
    entry.services.log.lines.length = 0;
    await entry.send({ target: '/v1/files?name=a', headers: { authorization }, body: 'abc' });
    const { lines } = entry.services.log;
    expect(lines).toHaveLength(1);
    return lines[0]?.split(' ', 5).join(' ') ?? '';
  };

  test('is logged as a warning: without a token, with an invalid one, and for another caller’s destination', async () => {
    expect(await refusedAs(undefined)).toBe('warn POST /v1/files 401 token-missing');
    expect(await refusedAs('Bearer bad')).toBe('warn POST /v1/files 401 token-invalid');
    expect(await refusedAs('Bearer good')).toBe('warn POST /v1/files 403 destination-forbidden');
  });

  test('is logged with at most sixty warnings a minute; the rest is logged like any request', async () => {
    nowMs += 60_000;
    const levels: string[] = [];
    for (let turn = 0; turn < 62; turn++) levels.push((await refusedAs('Bearer bad')).split(' ', 1)[0] ?? '');
    expect(levels).toEqual([...Array.from({ length: 60 }, () => 'warn'), 'info', 'info']);
    nowMs += 60_000;
    expect(await refusedAs('Bearer bad')).toMatch(/^warn /);
  });
});
