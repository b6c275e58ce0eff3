import { sha256Of } from '../sha256.ts';
import type { Target } from './files/target.ts';

/** The run's key is shown at the beginning of each file's key, so that a log can be searched for it. */
const MAX_SHOWN = 200;

export interface KeyedFile {
  destination: string | undefined;
  convertTo: string | undefined;
  target: Target;
  /** SHA-256 of the bytes in lower-case hex. */
  sha256: string;
}

/**
 * The idempotency key of one file of a run. It is the same on every machine and in every run with this key, so a file that is
 * sent twice becomes one file. Other bytes have another key: they are another delivery.
 * @param runKey `--key`, or the key in the manifest
 */
export const fileKey = (runKey: string, { destination, convertTo, target, sha256 }: KeyedFile): string => {
  const parts = [runKey, destination ?? null, convertTo ?? null, target.folder, target.name, sha256];
  const digest = sha256Of(JSON.stringify(parts)).toString('base64url');
  return `${runKey.slice(0, MAX_SHOWN)}:${digest}`;
};
