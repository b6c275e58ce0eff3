import { CourierError } from '../../errors.ts';
import type { Ledger, LedgerEntry, StandingEntry } from '../../ledger/ledger.ts';
import type { Log } from '../../log.ts';
import { realSleep, type Sleep } from '../../sleep.ts';
import type { CallContext, Drive, DriveFile } from '../../drive/drive.ts';

/**
 * One file for one name in one folder, however many look for it at once. Drive's search shows a new file late (it "was seen
 * not to be read-after-write consistent"), so the ledger is the lock: it holds the id of a name's file before the file is
 * made. An entry's id never changes; when its file is trashed, moved, renamed or deleted, the next generation of the key
 * is claimed, and all who notice end on that one.
 */
interface NameOptions {
  kind: 'file' | 'folder' | 'converted';
  drive: Pick<Drive, 'get' | 'newId' | 'inspectFolder'>;
  ledger: Ledger;
  folderId: string;
  name: string;
  /** What is there of that name, oldest first; it may lag. */
  find(): Promise<DriveFile[]>;
  context: CallContext;
  log: Log;
  /** Epoch milliseconds. */
  now: () => number;
  /** An id that Drive neither shows nor takes. */
  unusable?: string;
  sleep?: Sleep | undefined;
}

/** Where a name stands: its file, or the id under which it is to be made. */
export type Standing = { key: string; file: DriveFile } | { key: string; claimedId: string };

/** Drive may answer 404 for a while about what it has just made: pauses before it is believed, in milliseconds. */
const DOUBT_WAITS_MS = [300, 700, 2_000];

/** Somebody would have to trash a folder this often within the ledger's time. */
const MAX_GENERATIONS = 1_000;

/** How often a note is tried again when others write to the same entry. */
const MAX_NOTE_TURNS = 5;

/** A claim that is younger was made after a search of its own. */
const SEARCH_AGAIN_MS = 2_000;

const keyOf = ({ kind, folderId, name }: NameOptions, generation: number): string =>
  `${kind}:${JSON.stringify([folderId, name.normalize('NFC'), generation])}`;

/** The generation that took an entry's place. */
const successorOf = ({ record }: LedgerEntry): number | undefined => {
  const { successor } = (record ?? {}) as { successor?: number };
  return successor;
};

/** Whether a file is still what a name in a folder stands for. */
export const isThere = ({ folderId, name }: { folderId: string; name: string }, file: DriveFile): boolean =>
  !file.trashed && file.parents.includes(folderId) && file.name.normalize('NFC') === name.normalize('NFC');

/** A file that is known to exist: a "not found" is asked again before it is believed. */
const getDoubting = async (
  { drive, context, sleep = realSleep }: NameOptions,
  id: string,
): Promise<DriveFile | undefined> => {
  let file = await drive.get(id, context);
  for (const wait of DOUBT_WAITS_MS) {
    if (file !== undefined) return file;
    await sleep(wait, context.signal);
    file = await drive.get(id, context);
  }
  return file;
};

/** The oldest that is really there: the search may still show what has gone. */
const adopt = async (options: NameOptions): Promise<DriveFile | undefined> => {
  const { kind, folderId, name, log } = options;
  const found = await options.find();
  if (found.length > 1) {
    log.warn(
      { folderId, name, ids: found.map(({ id }) => id) },
      `several ${kind === 'folder' ? 'folders' : 'files'} of one name; the oldest is used`,
    );
  }
  for (const { id } of found) {
    const file = id === options.unusable ? undefined : await getDoubting(options, id);
    if (file !== undefined && isThere(options, file)) return file;
  }
  return undefined;
};

/** The entry of a generation; made, if there is none, for the file that the search finds or for one to come. */
const claimGeneration = async (options: NameOptions, key: string): Promise<LedgerEntry> => {
  const { drive, ledger, context, now } = options;
  const standing = await ledger.read(key);
  if (standing !== undefined) return standing;
  const found = await adopt(options);
  const { entry } = await ledger.claim(key, {
    fileId: found?.id ?? (await drive.newId(context)),
    fingerprint: '',
    state: found === undefined ? 'claimed' : 'done',
    claimedAtMs: now(),
  });
  return entry;
};

/** Changes an entry, whatever others write to it at the same moment. What it says is a hint: a failure is only logged. */
const note = async (
  { ledger, log }: Pick<NameOptions, 'ledger' | 'log'>,
  key: string,
  change: (entry: StandingEntry) => Pick<LedgerEntry, 'state' | 'record'> | undefined,
): Promise<void> => {
  try {
    let entry = await ledger.read(key);
    for (let turn = 0; turn < MAX_NOTE_TURNS && entry !== undefined; turn++) {
      const wanted = change(entry);
      if (wanted === undefined) return;
      const written = await ledger.record(key, wanted, entry);
      if (written.mine) return;
      ({ entry } = written);
    }
  } catch (error) {
    log.warn({ error }, 'the ledger could not be told what became of a name');
  }
};

/** Notes that a name's file exists, so that later deliveries notice when it has been removed. */
export const markMade = (ledger: Ledger, key: string, log: Log): Promise<void> =>
  note({ ledger, log }, key, ({ state, record }) => (state === 'done' ? undefined : { state: 'done', record }));

/** Leads from the first generation and from this one to the next, which is claimed already: a hint, lost without harm. */
const leadOn = async (options: NameOptions, generation: number): Promise<void> => {
  const successor = generation + 1;
  for (const from of new Set([generation, 0])) {
    await note(options, keyOf(options, from), (entry) =>
      (successorOf(entry) ?? 0) >= successor ? undefined : { state: 'done', record: { successor } },
    );
  }
};

/** Whether the entry's file is to be made still. */
const isToCome = ({ unusable }: NameOptions, entry: LedgerEntry): boolean =>
  entry.state === 'claimed' && entry.fileId !== unusable;

/** A claim of which nothing came for a while may have been overtaken by a person who put the file there by hand. */
const foundSince = async (options: NameOptions, { claimedAtMs }: LedgerEntry): Promise<DriveFile | undefined> =>
  options.now() - claimedAtMs < SEARCH_AGAIN_MS ? undefined : adopt(options);

/** The file of an entry; a "not found" about one that was made is asked again before it counts as deleted. */
const getMade = (options: NameOptions, { fileId, state }: LedgerEntry): Promise<DriveFile | undefined> =>
  state === 'done' ? getDoubting(options, fileId) : options.drive.get(fileId, options.context);

/**
 * Finds where a name stands, claiming it where nobody has.
 * @throws CourierError `folder-not-found` when the folder itself is out of sight: then nothing is known of what is in it.
 */
export const resolveName = async (options: NameOptions): Promise<Standing> => {
  const { drive, ledger, folderId, context, log } = options;
  let generation = 0;
  for (let turn = 0; turn < MAX_GENERATIONS; turn++) {
    const key = keyOf(options, generation);
    const entry = await claimGeneration(options, key);
    const successor = successorOf(entry);
    if (successor !== undefined && successor > generation) {
      generation = successor;
      continue;
    }
    const file = await getMade(options, entry);
    if (file !== undefined && isThere(options, file)) {
      if (entry.state === 'claimed') await markMade(ledger, key, log);
      return { key, file };
    }
    if (file === undefined && isToCome(options, entry)) {
      const found = await foundSince(options, entry);
      if (found === undefined) return { key, claimedId: entry.fileId };
      if (found.id === entry.fileId) return { key, file: found };
    }
    // A folder that was unshared for a while would otherwise come back to twins of all that is in it.
    if (file === undefined) await drive.inspectFolder(folderId, context);
    await claimGeneration(options, keyOf(options, generation + 1));
    await leadOn(options, generation);
    generation += 1;
  }
  throw new CourierError('google-unavailable', { cause: new Error('a name has too many generations') });
};

/**
 * The file of a name that Drive alone can give an id: known to the ledger since it was made, else searched for.
 * @returns `freeKey`, where its maker is to claim its id
 */
export const lookUpName = async (options: NameOptions): Promise<{ file: DriveFile } | { freeKey: string }> => {
  const { ledger } = options;
  for (let generation = 0; generation < MAX_GENERATIONS; generation++) {
    const key = keyOf(options, generation);
    const entry = await ledger.read(key);
    const file = entry === undefined ? await adopt(options) : await getMade(options, entry);
    if (file !== undefined && isThere(options, file)) return { file };
    if (entry === undefined) return { freeKey: key };
  }
  throw new CourierError('google-unavailable', { cause: new Error('a name has too many generations') });
};
