import { utimesSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { readQuery } from '../../../src/http/request/request-head.ts';
import { createRecordingCourier } from '../../support/courier/recording-courier.ts';

const { seen, client, written, run } = createRecordingCourier();

describe('what is sent as a file arrives as it is', () => {
  test('a stream of text may be split in the middle of a character', async () => {
    const text = async function* () {
      yield 'a\ud83d';
      yield '\ude00';
      yield 'b';
    };
    await client()
      .send(text(), { name: 'a.txt' })
      .catch(() => undefined);
    expect(seen[0]?.body.toString()).toBe('a\u{1f600}b');
  });

  test.each([
    ['in the middle', ['a\ud83d', 'b']],
    ['at the end', ['a\ud83d']],
    ['at the front', ['\ude00a']],
  ])('half a character %s is a usage error', async (_, parts) => {
    const text = async function* () {
      yield* parts;
    };
    await expect(client().send(text(), { name: 'a' })).rejects.toMatchObject({ code: 'usage' });
    expect(seen).toEqual([]);
  });

  test.each([
    ['a name', { name: 'a\ud800' }],
    ['a path', { name: 'a', path: '\udc00' }],
    ['a description', { name: 'a', description: 'x\ud800' }],
    ['a media type past ASCII', { name: 'a', mimeType: 'text/pläin' }],
    ['a media type past Latin-1', { name: 'a', mimeType: 'text/平' }],
    ['a media type with a line end', { name: 'a', mimeType: 'text/csv\r\nx: y' }],
    [
      'a form’s media type, under which the bytes would be taken apart',
      { name: 'a', mimeType: 'Multipart/form-data; boundary=b' },
    ],
  ])('%s that would be changed in transit is a usage error', async (_, options) => {
    await expect(client().send(Buffer.from('x'), options)).rejects.toMatchObject({ code: 'usage', exitCode: 64 });
    expect(seen).toEqual([]);
  });

  test('the details of the file arrive, from the library and from the command', async () => {
    const path = written(Buffer.from('x'));
    utimesSync(path, new Date('2020-02-29T12:34:56.789Z'), new Date('2020-02-29T12:34:56.789Z'));
    const properties = { order: '1=2', région: '北', '': '' };
    await client().send(path, { preserveTimes: true, properties, keepRevisionForever: true });
    await client().send(path, { preserveTimes: true, modifiedTime: new Date(0), createdTime: '2021-01-01T00:00:00Z' });
    const flags = ['--preserve-times', '--property', 'order=1=2', '--property', 'région=北', '--keep-revision-forever'];
    expect((await run(['send', ...flags, path])).code).toBe(0);
    const times = { modifiedTime: '2020-02-29T12:34:56.789Z', createdTime: '2020-02-29T12:34:56.789Z' };
    const [library, given, command] = seen.map(({ target }) => Object.fromEntries(readQuery(target)));
    expect(library).toMatchObject({ ...times, properties: JSON.stringify(properties), keepRevisionForever: 'true' });
    expect(given).toMatchObject({ modifiedTime: '1970-01-01T00:00:00.000Z', createdTime: '2021-01-01T00:00:00Z' });
    expect(command).toMatchObject({
      ...{ ...times, properties: '{"order":"1=2","région":"北"}', keepRevisionForever: 'true' },
    });
  });

  test.each([
    ['times of bytes', { name: 'a', preserveTimes: true }],
    ['an invalid date', { name: 'a', modifiedTime: new Date('x') }],
    ['half a character in a property', { name: 'a', properties: { a: '\ud800' } }],
  ])('%s are a usage error', async (_, options) => {
    await expect(client().send(Buffer.from('x'), options)).rejects.toMatchObject({ code: 'usage' });
    expect(seen).toEqual([]);
  });

  test.each([
    [['--property', 'order'], 'order'],
    [['--property', '=x'], '=x'],
    [['--property', 'a=1', '--property', 'a=2'], 'a'],
  ])('the flags %j are a usage error that quotes them', async (flags, part) => {
    const { code, output } = await run(['send', '-', '--name', 'a', ...flags], [Buffer.from('x')]);
    expect([code, output]).toEqual([64, expect.stringContaining(JSON.stringify(part))]);
    expect((await run(['send', '-', '--name', 'a', '--preserve-times'], [Buffer.from('x')])).code).toBe(64);
    expect(seen).toEqual([]);
  });

  test('names and other options arrive unchanged', async () => {
    const text = ' a+b&c=d %41 ä\u0308 \u{1f600}\u2028.txt';
    await client()
      .send(Buffer.from('x'), { name: text, path: text, description: text, mimeType: 'text/plain' })
      .catch(() => undefined);
    expect(readQuery(seen[0]?.target ?? '')).toEqual([
      ['name', text],
      ['path', text],
      ['description', text],
    ]);
  });
});
