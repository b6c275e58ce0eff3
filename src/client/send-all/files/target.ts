import type { z } from 'zod';
import { ERRORS } from '../../../errors.ts';
import { fileName, folderPath } from '../../../text/file-name.ts';
import { CourierClientError } from '../../errors.ts';

/** Where a file goes in Drive, as the courier will read it. */
export interface Target {
  /** Folders below the destination, separated by "/". */
  folder: string;
  name: string;
}

const invalid = (code: 'name-invalid' | 'path-invalid', detail: string): CourierClientError => {
  const { title, remedy, retryable } = ERRORS[code];
  return new CourierClientError({ code, title, detail, remedy, retryable });
};

const messageOf = (error: z.ZodError): string => error.issues[0]?.message ?? 'is invalid';

/** @throws CourierClientError `path-invalid` */
export const checkedFolder = (path: string): string => {
  const parsed = folderPath.safeParse(path);
  if (!parsed.success) throw invalid('path-invalid', `${JSON.stringify(path)} ${messageOf(parsed.error)}`);
  return parsed.data;
};

/**
 * Derives targets by the courier's own rules for names, so that two files that would get the same name are noticed before they
 * are sent. Remembers the last folder, because its files come one after another.
 * @param root the folder that everything is sent to
 */
export const createTargets = (root: string): ((relative: string) => Target) => {
  let last: { given: string; folder: string } | undefined;
  return (relative) => {
    const slash = relative.lastIndexOf('/');
    const [below, name] = [relative.slice(0, Math.max(0, slash)), relative.slice(slash + 1)];
    // The courier would read it as a separator.
    if (below.includes('\\')) throw invalid('path-invalid', `${JSON.stringify(below)} has "\\" in a folder's name`);
    const parsed = fileName.safeParse(name);
    if (!parsed.success) throw invalid('name-invalid', `${JSON.stringify(name)} ${messageOf(parsed.error)}`);
    if (last?.given !== below) last = { given: below, folder: checkedFolder(`${root}/${below}`) };
    return { folder: last.folder, name: parsed.data };
  };
};
