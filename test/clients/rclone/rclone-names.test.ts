import { readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { startJudgedGoogle } from '../../support/drive/judged-google.ts';
import { findRclone } from '../../support/processes/programs.ts';
import { startRclone } from '../../support/processes/rclone.ts';

jest.setTimeout(240_000);
const hasRclone = findRclone() !== undefined;
if (!hasRclone)
  console.warn('SKIPPED: no rclone here (Debian: rclone), so it does not judge names in the local Drive.');

const range = (first: number, last: number): string[] =>
  Array.from({ length: last - first + 1 }, (_, index) => String.fromCharCode(first + index));
/** All ASCII characters except `/`, which rclone itself interprets. */
const CONTROLS = [...range(1, 0x1f), '\x7f'];
const PRINTABLES = range(0x20, 0x7e).filter((character) => character !== '/');

/**
 * Names that rclone's own integration tests store in Google Drive (rclone/rclone, fstest/fstests, FsEncoding) and read
 * back unchanged. rclone changes none of them for Drive (backend/drive: only invalid UTF-8 is encoded). The left side
 * is how rclone writes what its own paths cannot hold, the right side is what Drive stores.
 */
const NAMES: readonly [string, string, string][] = [
  ['control characters', range(0x2401, 0x241f).join(''), range(1, 0x1f).join('')],
  ['a dot', '．', '.'],
  ['two dots', '．．', '..'],
  ['punctuation', `!"#$%&'()*+,-.／:;<=>?@[\\]^_\`{|}~`, `!"#$%&'()*+,-./:;<=>?@[\\]^_\`{|}~`],
  ['a leading space', ' leading space', ' leading space'],
  ['a leading tilde', '~leading tilde', '~leading tilde'],
  ['a leading line feed', '␊leading LF', '\nleading LF'],
  ['a leading dot', '.leading dot', '.leading dot'],
  ['a trailing space', 'trailing space ', 'trailing space '],
  ['a trailing return', 'trailing CR␍', 'trailing CR\r'],
  ['a trailing dot', 'trailing dot.', 'trailing dot.'],
  ['quotes', `it's "quoted" \\' twice`, `it's "quoted" \\' twice`],
  ['another normal form', 'e\u0301te\u0301', 'e\u0301te\u0301'],
  ['beyond the basic plane', '🗎 レポート', '🗎 レポート'],
];

(hasRclone ? describe : describe.skip)('rclone, of names', () => {
  let google: Awaited<ReturnType<typeof startJudgedGoogle>>;
  let rclone: Awaited<ReturnType<typeof startRclone>>;
  beforeAll(async () => {
    google = await startJudgedGoogle();
    rclone = await startRclone(google);
  });
  afterAll(async () => {
    await rclone.close();
    await google.judge();
  });

  test.each(NAMES)('%s: stored unchanged, listed, found and deleted', async (_, written, held) => {
    const place = 'alice:names';
    await rclone.run(['rcat', `${place}/${written}`], written);
    const [file] = google.drive.files().filter(({ name }) => name === held);
    expect(google.drive.bytesOf(file?.id ?? '').toString()).toBe(written);
    expect((await rclone.run(['lsf', '--files-only', place])).slice(0, -1)).toBe(written);
    expect(await rclone.run(['cat', `${place}/${written}`])).toBe(written);
    await rclone.run(['deletefile', '--drive-use-trash=false', `${place}/${written}`]);
    expect(google.drive.files().filter(({ name }) => name === held)).toEqual([]);
  });

  test('test info: it detects the same properties as with the real Drive', async () => {
    const findings = join(tmpdir(), `rclone-info-${process.pid}.json`);
    const checks = ['--check-normalization', '--check-control', '--check-streaming'];
    await rclone.run(['test', 'info', ...checks, '--write-json', findings, 'reports:info']);
    const { ControlCharacters: characters, ...rest } = JSON.parse(readFileSync(findings, 'utf8'));
    rmSync(findings);
    expect(rest).toMatchObject({
      CanStream: true,
      CanWriteUnnormalized: true,
      CanReadUnnormalized: true,
      // "the `=` operator is case insensitive", and rclone checks the results again.
      CanReadRenormalized: false,
    });
    const everywhere = (state: string) => ({ left: state, middle: state, right: state });
    for (const character of PRINTABLES)
      expect([character, characters[character]]).toMatchObject([
        character,
        { WriteError: {}, GetError: {}, InList: everywhere('present') },
      ]);
    // Drive stores them, as the names above show. In rclone's own listings they have other names.
    for (const character of CONTROLS)
      expect([character, characters[character]]).toMatchObject([
        character,
        { WriteError: {}, InList: everywhere('renamed') },
      ]);
    const held = google.drive.files().map(({ name }) => name);
    for (const character of CONTROLS) {
      const code = character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0');
      expect(held).toContain(`position-middle-${code}-${character}-`);
    }
  });
});
