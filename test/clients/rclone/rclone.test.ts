import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { hex, MIB, noise } from '../../local/drive/uploads/uploading.ts';
import { startJudgedGoogle } from '../../support/drive/judged-google.ts';
import { findRclone } from '../../support/processes/programs.ts';
import { startRclone } from '../../support/processes/rclone.ts';

jest.setTimeout(120_000);
const hasRclone = findRclone() !== undefined;
if (!hasRclone) console.warn('SKIPPED: no rclone here (Debian: rclone), so it does not judge the local Drive.');

(hasRclone ? describe : describe.skip)('rclone', () => {
  let google: Awaited<ReturnType<typeof startJudgedGoogle>>;
  let rclone: Awaited<ReturnType<typeof startRclone>>;
  let folder: string;
  const SMALL = noise(12_345);
  const BIG = noise(20 * MIB);
  const local = (name: string): string => join(folder, name);

  beforeAll(async () => {
    google = await startJudgedGoogle();
    google.world.delegate(google.world.emails.courier, ['https://www.googleapis.com/auth/drive']);
    rclone = await startRclone(google);
    folder = mkdtempSync(join(tmpdir(), 'rclone-'));
    writeFileSync(local('small.bin'), SMALL);
    writeFileSync(local('big.bin'), BIG);
  });
  afterAll(async () => {
    await rclone.close();
    rmSync(folder, { recursive: true, force: true });
    // No request was invalid or hit something unimplemented.
    await google.judge();
  });

  const lines = async (...args: string[]): Promise<string[]> =>
    (await rclone.run(args)).split('\n').filter((line) => line !== '');
  const named = (name: string) => google.drive.files().filter((file) => file.name === name);

  /** A new folder with a small file and a large one. */
  const filled = async (place: string): Promise<void> => {
    await rclone.run(['copyto', local('small.bin'), `${place}/small.bin`]);
    await rclone.run(['copyto', local('big.bin'), `${place}/big.bin`]);
  };

  // A service account owns no storage: in `team:`, a folder of a person, it could only create folders.
  describe.each(['reports', 'alice', 'delegated'])('%s:', (remote) => {
    const place = `${remote}:judged-${remote}`;
    beforeAll(() => filled(place));

    test('lsf of nested folders that mkdir created', async () => {
      await rclone.run(['mkdir', `${place}/deeper/deepest`]);
      expect(await lines('lsf', '-R', '--format', 'ps', place)).toEqual(
        expect.arrayContaining([
          `big.bin;${BIG.length}`,
          `small.bin;${SMALL.length}`,
          'deeper/;-1',
          'deeper/deepest/;-1',
        ]),
      );
      await rclone.run(['rmdirs', `${place}/deeper`]);
    });

    test('check --download and check by hashes find the sent bytes', async () => {
      for (const how of [['--download'], []]) {
        const { code, stderr } = await rclone.end(['check', '--one-way', ...how, folder, place]);
        expect([code, stderr]).toEqual([0, expect.stringContaining('2 matching files')]);
      }
      writeFileSync(local('absent.bin'), 'x');
      const { code, stderr } = await rclone.end(['check', '--one-way', folder, place]);
      rmSync(local('absent.bin'));
      expect([code, stderr]).toEqual([1, expect.stringContaining('1 differences found')]);
    });

    test('md5sum', async () => {
      const sums = await lines('md5sum', '--include', '*.bin', '--max-depth', '1', place);
      expect(sums.sort()).toEqual([`${hex('md5', SMALL)}  small.bin`, `${hex('md5', BIG)}  big.bin`].sort());
    });

    test('rcat: a stream of unknown length, short or long, is returned by cat', async () => {
      for (const bytes of [Buffer.from('a line\n'), noise(9 * MIB + 7)]) {
        await rclone.run(['rcat', `${place}/streamed`], bytes);
        const [file] = google.drive
          .files()
          .filter(({ name, sha256 }) => name === 'streamed' && sha256 === hex('sha256', bytes));
        expect(file).toMatchObject({ size: bytes.length });
        await rclone.run(['copyto', `${place}/streamed`, local('streamed')]);
        expect(await lines('sha1sum', `${place}/streamed`, '--download')).toEqual([`${hex('sha1', bytes)}  streamed`]);
        rmSync(local('streamed'));
        await rclone.run(['deletefile', `${place}/streamed`]);
      }
    });

    test('moveto keeps the file, copyto creates another one', async () => {
      const name = `moving-${remote}`;
      await rclone.run(['rcat', `${place}/${name}`], 'moving');
      const [{ id } = { id: '' }] = named(name);
      await rclone.run(['moveto', `${place}/${name}`, `${place}/elsewhere/moved-${remote}`]);
      await rclone.run(['copyto', `${place}/elsewhere/moved-${remote}`, `${place}/elsewhere/copied-${remote}`]);
      expect(named(name)).toEqual([]);
      expect(named(`moved-${remote}`).map((file) => file.id)).toEqual([id]);
      expect(named(`copied-${remote}`)).toMatchObject([{ size: 6, sha256: hex('sha256', Buffer.from('moving')) }]);
      await rclone.run(['purge', `${place}/elsewhere`]);
      expect(named(`moved-${remote}`)).toMatchObject([{ trashed: true }]);
    });

    test('copyto over a file adds a revision', async () => {
      await rclone.run(['rcat', `${place}/twice-${remote}`], 'once');
      await rclone.run(['rcat', `${place}/twice-${remote}`], 'and again');
      expect(named(`twice-${remote}`)).toMatchObject([{ size: 9, revisions: 2 }]);
      await rclone.run(['deletefile', `${place}/twice-${remote}`]);
    });

    test('dedupe finds several files of one name, and keeps the newest', async () => {
      const parent = google.drive.files().find(({ name }) => name === `judged-${remote}`)?.id ?? '';
      const name = `same-${remote}`;
      const ids = ['one', 'two', 'three'].map((bytes) => google.drive.putFile({ name, bytes, parent }));
      expect(await lines('lsf', place, '--include', name)).toEqual([name, name, name]);
      await rclone.run(['dedupe', '--dedupe-mode', 'largest', place]);
      expect(named(name).filter(({ trashed }) => !trashed)).toMatchObject([{ id: ids[2] }]);
    });

    test('delete moves matching files to the trash, and leaves the rest', async () => {
      await rclone.run(['rcat', `${place}/old.log`], 'x');
      await rclone.run(['delete', '--include', '*.log', place]);
      expect(await lines('lsf', place, '--include', '*.{log,bin}')).toEqual(['big.bin', 'small.bin']);
      expect(await lines('lsf', '--drive-trashed-only', '--files-only', place, '--include', '*.log')).toEqual([
        'old.log',
      ]);
      await rclone.run(['backend', 'untrash', place]);
      expect(await lines('lsf', '--files-only', place, '--include', '*.log')).toEqual(['old.log']);
      await rclone.run(['deletefile', `${place}/old.log`]);
    });

    test('touch sets the time that lsf shows, to the millisecond', async () => {
      await rclone.run(['touch', '-t', '2020-02-29T12:34:56.789', `${place}/touched`]);
      expect(await lines('lsf', '--format', 't', `${place}/touched`)).toEqual(['2020-02-29 12:34:56']);
      expect(named('touched').at(-1)?.modifiedTime).toBe('2020-02-29T12:34:56.789Z');
      await rclone.run(['deletefile', `${place}/touched`]);
    });

    test('link gives everybody access', async () => {
      const link = await rclone.run(['link', `${place}/small.bin`]);
      const [, id = ''] = /id=([\w-]+)/.exec(link) ?? [];
      expect(google.drive.state.store.files.get(id)?.permissions).toContainEqual(
        expect.objectContaining({ type: 'anyone', role: 'reader' }),
      );
    });

    test('backend shortcut: its target is read through it', async () => {
      await rclone.run([
        'backend',
        'shortcut',
        `${remote}:`,
        `judged-${remote}/small.bin`,
        `judged-${remote}/short.bin`,
      ]);
      const [sum] = await lines('md5sum', `${place}/short.bin`, '--download');
      expect(sum).toBe(`${hex('md5', SMALL)}  short.bin`);
      await rclone.run(['deletefile', `${place}/short.bin`]);
    });
  });

  test('about shows no storage for a service account, and a user’s own for a user', async () => {
    expect(await rclone.run(['about', 'reports:'])).toBe('');
    expect(JSON.parse(await rclone.run(['about', '--json', 'alice:']))).toEqual({
      used: expect.any(Number),
      trashed: expect.any(Number),
      other: 0,
    });
  });

  test('a service account gets an error because it has no storage', async () => {
    const { code, stderr } = await rclone.end(['copyto', local('small.bin'), 'team:small.bin']);
    expect([code, stderr]).toEqual([1, expect.stringContaining('storageQuotaExceeded')]);
    // Folders are not rejected.
    await rclone.run(['mkdir', 'team:folder']);
    expect(await lines('lsf', 'team:')).toContain('folder/');
  });

  test('permanent deletion is for the owner, and in a shared drive for its managers', async () => {
    for (const remote of ['reports', 'alice']) await rclone.run(['rcat', `${remote}:forever`], 'x');
    const { code, stderr } = await rclone.end(['deletefile', '--drive-use-trash=false', 'reports:forever']);
    expect([code, stderr]).toEqual([1, expect.stringContaining('insufficientFilePermissions')]);
    await rclone.run(['deletefile', '--drive-use-trash=false', 'alice:forever']);
    expect(named('forever')).toMatchObject([{ driveId: google.places.sharedDrive }]);
  });

  test('backend drives lists the shared drives', async () => {
    expect(JSON.parse(await rclone.run(['backend', 'drives', 'delegated:']))).toMatchObject([
      { id: google.places.sharedDrive, name: 'Reports' },
    ]);
  });

  test('files shared by others are found in "shared with me"', async () => {
    const id = google.drive.putFile({ name: 'from Bob.txt', bytes: 'hello', parent: google.places.unsharedFolder });
    google.drive.share(id, { email: google.world.emails.alice, role: 'reader' });
    expect(await lines('lsf', '--drive-shared-with-me', '--files-only', 'alice:')).toEqual(['from Bob.txt']);
    expect(await rclone.run(['cat', '--drive-shared-with-me', 'alice:from Bob.txt'])).toBe('hello');
  });

  test('cleanup empties the user’s trash', async () => {
    await rclone.run(['rcat', 'alice:to go'], 'x');
    await rclone.run(['deletefile', 'alice:to go']);
    expect(named('to go')).toMatchObject([{ trashed: true }]);
    await rclone.run(['cleanup', 'alice:']);
    expect(named('to go')).toEqual([]);
  });
});
