import { asClientError, failure } from '../errors.ts';
import { planFile } from './deliver-file.ts';
import { listAll, type SendAllInputs } from './files/list.ts';
import { createBlockingPace } from './files/blocking-pace.ts';
import { openManifest } from './manifest.ts';
import { checkOptions, type FileReceipt, type SendAllOptions } from './options.ts';

/** What `sendAll` would do with a file. */
export interface PlannedFile {
  file: string;
  /** Folders and name in Drive, below `path` or the destination's default folder. */
  path: string;
  size: number;
  change: FileReceipt['change'];
}

/**
 * Lists what `sendAll` would send. Nothing is sent or written.
 * @throws CourierClientError `usage`, `path-invalid`, `file-unwritable`, `stopped`
 */
export async function* planAll(inputs: SendAllInputs, options: SendAllOptions): AsyncGenerator<PlannedFile> {
  checkOptions(options);
  const manifest = await openManifest(options, { isReadOnly: true });
  const pace = createBlockingPace();
  try {
    for await (const listed of listAll(inputs, options)) {
      if (options.signal?.aborted) throw failure('stopped');
      try {
        if ('error' in listed) throw listed.error;
        yield { file: listed.file, ...(await planFile(listed, { manifest, pace }, options)) };
      } catch (error) {
        await options.onFailure?.({ file: listed.file, error: asClientError(error) });
      }
    }
  } finally {
    await manifest.close();
  }
}
