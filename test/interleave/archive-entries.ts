import { type DeliverySpec, FILE_NAME } from './scenario.ts';

/**
 * The folders of an archive's entries, in their order. All entries have the same file name, so that only their folders
 * distinguish them.
 */
const FOLDERS = ['', 'a', 'b'];

export const MAX_ENTRIES = FOLDERS.length;

export interface ArchiveEntrySpec {
  /** Its name in the archive. */
  name: string;
  /** The delivery that the entry is: its identity is the request's, with the name. */
  spec: DeliverySpec;
}

/** The entries of an archive: one for each letter of its bytes. */
export const entriesOf = (spec: DeliverySpec): ArchiveEntrySpec[] =>
  Array.from(spec.bytes, (bytes, at) => {
    const folder = FOLDERS[at];
    if (folder === undefined) throw new Error(`an archive has at most ${MAX_ENTRIES} entries`);
    const name = folder === '' ? FILE_NAME : `${folder}/${FILE_NAME}`;
    return { name, spec: { ...spec, bytes, key: spec.key === undefined ? undefined : `${spec.key} ${name}` } };
  });

/** The deliveries of one file each that a delivery consists of. */
export const filesOf = (spec: DeliverySpec): DeliverySpec[] =>
  spec.way === 'zip' ? entriesOf(spec).map((entry) => entry.spec) : [spec];
