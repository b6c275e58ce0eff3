import { describe, expect, test } from '@jest/globals';
import { createOpenUploads, ID_IN_USE, UNAVAILABLE } from '../../support/drive/open-uploads.ts';

/** Drive refuses an id for a new file if it ever had a file of that id. */

const fileIds = ({ asked }: ReturnType<typeof createOpenUploads>) =>
  asked.map(({ kind, file }) => `${kind} ${file.id}`);

describe('an id that Drive refuses', () => {
  test('is given up if Drive shows no file of it for two minutes', async () => {
    const uploads = createOpenUploads();
    uploads.failures.push(ID_IN_USE, ID_IN_USE, ID_IN_USE);
    for (const waitMs of [119_999, 1]) {
      await expect(uploads.open({ key: 'k' })).rejects.toMatchObject({ code: 'drive-unavailable', retryable: true });
      uploads.clock.nowMs += waitMs;
    }
    const opened = await uploads.open({ key: 'k' });
    expect(fileIds(uploads)).toEqual(['create id-1', 'create id-1', 'create id-1', 'create id-2']);
    expect(await uploads.sessionOf(opened.id)).toMatchObject({ plan: { fileId: 'id-2' } });
    expect(await uploads.open({ key: 'k' })).toEqual({ ...opened, isNew: false });
  });

  test.each([
    ['ahead of', 0, 300_000],
    ['behind', 300_000, 0],
  ])('is given up as late by an instance whose clock is %s that of the one before', async (_, firstMs, nextMs) => {
    const uploads = createOpenUploads();
    const { clock, open } = uploads;
    uploads.failures.push(ID_IN_USE, ID_IN_USE, ID_IN_USE);
    clock.leadMs = firstMs;
    await expect(open({ key: 'k' })).rejects.toMatchObject({ code: 'drive-unavailable' });
    clock.leadMs = nextMs;
    clock.nowMs += 119_999;
    await expect(open({ key: 'k' })).rejects.toMatchObject({ code: 'drive-unavailable' });
    clock.nowMs += 1;
    await open({ key: 'k' });
    expect(fileIds(uploads)).toEqual(['create id-1', 'create id-1', 'create id-1', 'create id-2']);
  });

  /** `found` tells of each further question about the id whether Drive shows its file. */
  test.each<[string, boolean[]]>([
    ['late', [false, false, true]],
    ['late, and then once not', [false, false, true, false, false, true]],
  ])('is that of a file that Drive shows %s, so the file is replaced', async (_, found) => {
    const uploads = createOpenUploads();
    const { drive, files, asked, failures } = uploads;
    // Drive's search does not show the file, and asking for it does only sometimes.
    const { get } = drive;
    failures.push(UNAVAILABLE);
    await expect(uploads.open({ key: 'k' })).rejects.toBe(UNAVAILABLE);
    files.add({ id: 'id-1', name: 'report.csv' });
    drive.find = async () => [];
    drive.get = async (...given) => ((found.shift() ?? true) ? get(...given) : undefined);
    drive.openSession = async (file, size, context) => {
      asked.push({ kind: 'create', file, size, context });
      throw ID_IN_USE;
    };
    await uploads.open({ key: 'k' });
    expect(new Set(fileIds(uploads))).toEqual(new Set(['create id-1', 'replace id-1']));
    expect(fileIds(uploads).at(-1)).toBe('replace id-1');
  });

  test('is given up again and again, each time after two minutes', async () => {
    const uploads = createOpenUploads();
    uploads.failures.push(...Array.from({ length: 15 }, () => ID_IN_USE));
    for (let turn = 0; turn < 3; turn++) {
      await expect(uploads.open({ key: 'k' })).rejects.toMatchObject({ code: 'drive-unavailable' });
      uploads.clock.nowMs += 120_000;
    }
    expect(fileIds(uploads)).toEqual(['create id-1', 'create id-1', 'create id-2', 'create id-2', 'create id-3']);
  });

  /** Each file that gets an id of the name was created before this upload, and renamed. */
  const openBeside = async (usedIds: number) => {
    const uploads = createOpenUploads();
    const { drive, files, asked } = uploads;
    const { openSession } = drive;
    drive.openSession = async (...given) => {
      const [{ id = '' }] = given;
      if (asked.length >= usedIds) return openSession(...given);
      files.add({ id, name: 'renamed.csv' });
      return openSession(...given).then(() => Promise.reject(ID_IN_USE));
    };
    const outcome = await uploads.open({ key: 'k' }).catch((error: unknown) => error);
    return { uploads, outcome };
  };

  test('is replaced by another one up to three times in one request', async () => {
    const { uploads, outcome } = await openBeside(3);
    expect(outcome).toMatchObject({ isNew: true });
    expect(fileIds(uploads)).toEqual(['create id-1', 'create id-2', 'create id-3', 'create id-4']);
  });

  test('ends the request the fourth time, and the next one continues', async () => {
    const { uploads, outcome } = await openBeside(4);
    expect(outcome).toBe(ID_IN_USE);
    expect(fileIds(uploads)).toEqual(['create id-1', 'create id-2', 'create id-3', 'create id-4']);
    await expect(uploads.open({ key: 'k' })).resolves.toMatchObject({ isNew: true });
    expect(fileIds(uploads).slice(4)).toEqual(['create id-5']);
  });

  test('is not given up where each delivery makes a file of its own', async () => {
    const uploads = createOpenUploads();
    uploads.failures.push(ID_IN_USE);
    await expect(uploads.open({ key: 'k', onConflict: 'new' })).rejects.toBe(ID_IN_USE);
    expect(fileIds(uploads)).toEqual(['create id-1']);
  });

  test.each([UNAVAILABLE, new TypeError('a fault of ours')])('is not meant by another error: %p', async (error) => {
    const uploads = createOpenUploads();
    uploads.failures.push(error);
    await expect(uploads.open({ key: 'k' })).rejects.toBe(error);
    expect(fileIds(uploads)).toEqual(['create id-1']);
    // The next attempt uses the same id.
    await uploads.open({ key: 'k' });
    expect(fileIds(uploads)).toEqual(['create id-1', 'create id-1']);
  });
});
