import { afterEach } from '@jest/globals';
import type { UploadTarget } from '../../../src/drive/drive.ts';
import { createCourierDrive } from '../../support/courier/courier-drive.ts';
import { type Fault, startTinyDrive, type TinyRequest } from '../../support/drive/tiny-drive.ts';

/** The chunk size in bytes. Drive's own is 262,144; with a small one, small files have many chunks. */
export const GRANULARITY = 16;
const MULTIPART_BYTES = 5 * GRANULARITY;

export const bytesOf = (size: number): Buffer => Buffer.from(Array.from({ length: size }, (_, at) => (at * 7) & 255));
/** Sent in one request. */
export const SMALL = bytesOf(50);
/** Sent in chunks. */
export const LARGE = bytesOf(500);

export const create = (id = 'one', more: object = {}): UploadTarget => ({
  kind: 'create',
  file: { id, name: 'report', mimeType: 'text/csv', folderId: 'folder', ...more },
});

export const failureOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(() => undefined).catch((error: unknown) => error);

export const isChunk = ({ method, bytes }: TinyRequest): boolean => method === 'PUT' && bytes > 0;

/** Starts uploads with small chunks to a tiny Drive. All of them are closed after each test of the file that calls this. */
export const createStart = () => {
  const closers: (() => void | Promise<void>)[] = [];
  afterEach(async () => {
    for (const close of closers.splice(0)) await close();
  });
  return async (fault: (request: TinyRequest) => Fault | undefined = () => undefined, blocks = 8) => {
    const tiny = await startTinyDrive({ granularity: GRANULARITY, fault });
    const courier = createCourierDrive({
      origin: tiny.origin,
      blockBytes: GRANULARITY,
      bufferBytes: blocks * GRANULARITY,
      multipartBytes: MULTIPART_BYTES,
    });
    closers.push(tiny.close, courier.transport.close);
    return { tiny, ...courier };
  };
};
