import { z } from 'zod';
import { CourierError } from '../errors.ts';
import { parseInput } from '../http/request/options.ts';
import { fileName, folderPath } from '../text/file-name.ts';

/** The file name and the folders of an entry. */
export interface EntryPlace {
  name: string;
  path: string;
}

const place = z.strictObject({ name: fileName, path: folderPath });

const ABSOLUTE = /^(?:[A-Za-z]:)?[/\\]/;

/** Decoders put this character in place of bytes that are not UTF-8. */
const REPLACEMENT = '\ufffd';

const segmentsOf = (path: string): string[] =>
  path.split(/[/\\]/).filter((segment) => segment !== '' && segment !== '.');

/**
 * Files that macOS adds to archives: the resource forks of other files, and the layout of a Finder window. Nobody asked
 * for them, so they are not delivered.
 */
export const isMacMetadata = (path: string): boolean => {
  const segments = segmentsOf(path);
  const name = segments.at(-1) ?? '';
  return segments[0] === '__MACOSX' || name === '.DS_Store' || name.startsWith('._');
};

/**
 * Where an entry of an archive is put: its last segment is the file's name, the others are folders below `base`. The rules
 * are those of the options `name` and `path`. Absolute names and ".." are refused rather than changed, because the
 * archive was made to write somewhere else.
 * @param base folders below the destination's, as in the option `path`
 * @throws CourierError `name-invalid`, `path-invalid`
 */
export const placeOfEntry = (entry: string, base: string): EntryPlace => {
  if (entry.includes(REPLACEMENT) || !entry.isWellFormed()) {
    throw new CourierError('name-invalid', {
      detail: 'The name of the entry is not UTF-8.',
      remedy: 'Pack the files with names in UTF-8.',
    });
  }
  if (ABSOLUTE.test(entry)) {
    throw new CourierError('path-invalid', {
      detail: 'The name of the entry is an absolute path.',
      remedy: 'Pack the files with relative names.',
    });
  }
  const segments = segmentsOf(entry);
  if (segments.some((segment) => segment.trim() === '..')) {
    throw new CourierError('path-invalid', {
      detail: 'The name of the entry has the segment "..".',
      remedy: 'Pack the files with names below one folder.',
    });
  }
  const name = segments.pop() ?? '';
  return parseInput(place, { name, path: [base, ...segments].join('/') });
};
