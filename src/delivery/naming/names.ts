import type { CallContext, Drive, DriveFile } from '../../drive/drive.ts';
import { CourierError } from '../../errors.ts';
import type { Ledger, LedgerEntry, StoredEntry } from '../../ledger/ledger.ts';
import type { Log } from '../../log.ts';
import { keepWhileHidden } from '../hidden-file.ts';
import { askUntilFound, realSleep, type Sleep } from '../../sleep.ts';

/**
 * Makes sure that a name in a folder has only one file, however many deliveries look for it at the same time. Drive's search
 * shows a new file late (it "was seen not to be read-after-write consistent"), so the ledger is the lock: it holds the id of
 * a name's file before the file is created. The id of an entry never changes. When its file is trashed, moved, renamed or
 * deleted, the next generation of the key is claimed, and all deliveries that notice it use that one.
 */
interface NameOptions {
  kind: 'file' | 'folder' | 'converted';
  drive: Pick<Drive, 'get' | 'newId' | 'inspectFolder' | 'now'>;
  ledger: Ledger;
  folderId: string;
  name: string;
  /** Finds the files of that name, oldest first. New files may be missing. */
  find(): Promise<DriveFile[]>;
  context: CallContext;
  log: Log;
  /** Epoch milliseconds. */
  now: () => number;
  /** An id that Drive does not accept for a new file. */
  unusable?: string | undefined;
  /** Drive does not show the file of that id, so that it may still appear. */
  mayBeHidden?: boolean | undefined;
  sleep?: Sleep | undefined;
}

/** The file that has a name, or the id to create it with. */
export type ResolvedName = { key: string; file: DriveFile } | { key: string; claimedId: string };

/** Pauses between further attempts when Drive answers 404 for a file that was created, in milliseconds. */
const DOUBT_WAITS_MS = [300, 700, 2_000];

/** Reached only if somebody trashes the same file this often within the ledger's time to live. */
const MAX_GENERATIONS = 1_000;

/** How often a change is retried when others write to the same entry. */
const MAX_NOTE_TURNS = 5;

const keyOf = ({ kind, folderId, name }: NameOptions, generation: number): string =>
  `${kind}:${JSON.stringify([folderId, name.normalize('NFC'), generation])}`;

/** The generation that replaced an entry's. */
const successorOf = ({ record }: LedgerEntry): number | undefined => {
  const { successor } = (record ?? {}) as { successor?: number };
  return successor;
};

/** Whether a file still has its name and its folder. */
export const isThere = ({ folderId, name }: { folderId: string; name: string }, file: DriveFile): boolean =>
  !file.trashed && file.parents.includes(folderId) && file.name.normalize('NFC') === name.normalize('NFC');

/** Gets a file that is known to exist, so a 404 is accepted only after several attempts. */
export const getKnownFile = async (
  { drive, context, sleep = realSleep }: Pick<NameOptions, 'context' | 'sleep'> & { drive: Pick<Drive, 'get'> },
  id: string,
): Promise<DriveFile | undefined> => {
  const ask = (): Promise<DriveFile | undefined> => drive.get(id, context);
  return askUntilFound(await ask(), { ask, pausesMs: DOUBT_WAITS_MS, sleep, signal: context.signal });
};

/** The oldest file that really exists: the search may still show deleted ones. */
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
    const file = id === options.unusable ? undefined : await getKnownFile(options, id);
    if (file !== undefined && isThere(options, file)) return file;
  }
  return undefined;
};

/** The entry of a generation. If there is none, it is created for the file that the search finds, or for a new one. */
const claimGeneration = async (options: NameOptions, key: string): Promise<{ entry: LedgerEntry; mine: boolean }> => {
  const { drive, ledger, context, now } = options;
  const stored = await ledger.read(key);
  if (stored !== undefined) return { entry: stored, mine: false };
  const found = await adopt(options);
  return ledger.claim(key, {
    fileId: found?.id ?? (await drive.newId(context)),
    fingerprint: '',
    state: found === undefined ? 'claimed' : 'done',
    claimedAtMs: now(),
  });
};

/** Changes an entry although others may write to it at the same moment. The change is only a hint, so a failure is only logged. */
const note = async (
  { ledger, log }: Pick<NameOptions, 'ledger' | 'log'>,
  key: string,
  change: (entry: StoredEntry) => Pick<LedgerEntry, 'state' | 'record'> | undefined,
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
    log.warn({ error }, 'the ledger could not record the file of a name');
  }
};

/** Notes that a name's file exists, so that later deliveries notice when it has been removed. */
export const markMade = (ledger: Ledger, key: string, log: Log): Promise<void> =>
  note({ ledger, log }, key, ({ state, record }) => (state === 'done' ? undefined : { state: 'done', record }));

/**
 * Points the first generation and this one to the next, which is already claimed. This only saves reads, so it may get lost.
 */
const leadOn = async (options: NameOptions, generation: number): Promise<void> => {
  const successor = generation + 1;
  for (const from of new Set([generation, 0])) {
    await note(options, keyOf(options, from), (entry) =>
      (successorOf(entry) ?? 0) >= successor ? undefined : { state: 'done', record: { successor } },
    );
  }
};

/** @throws CourierError `drive-unavailable` as long as Drive may only hide the file of an entry whose id it refuses */
const keepNameWhileHidden = async (options: NameOptions, key: string): Promise<void> => {
  const recordOf = (entry: LedgerEntry | undefined) => (entry?.record ?? {}) as { missedSinceMs?: number };
  await keepWhileHidden(
    recordOf(await options.ledger.read(key)),
    async (missed) => {
      let noted = missed;
      await note(options, key, (current) => {
        noted = { ...missed, ...recordOf(current) };
        return recordOf(current).missedSinceMs === undefined ? { state: current.state, record: noted } : undefined;
      });
      return noted;
    },
    options.drive.now,
  );
};

/** Whether the entry's file still has to be created. */
const isToCome = ({ unusable }: NameOptions, entry: LedgerEntry): boolean =>
  entry.state === 'claimed' && entry.fileId !== unusable;

/** The file of an entry. For a file that was created, a 404 is accepted only after several attempts. */
const getMade = (options: NameOptions, { fileId, state }: LedgerEntry): Promise<DriveFile | undefined> =>
  state === 'done' ? getKnownFile(options, fileId) : options.drive.get(fileId, options.context);

/**
 * Claims the next generation of a name, because the file of this one is gone.
 * @param isShown Drive shows the file, with another name or at another place
 */
const claimNext = async (
  options: NameOptions,
  generation: number,
  { entry, isShown }: { entry: LedgerEntry; isShown: boolean },
): Promise<number> => {
  const { drive, folderId, context, mayBeHidden, unusable } = options;
  if (!isShown) {
    const isRefused = mayBeHidden === true && entry.fileId === unusable;
    if (isRefused) await keepNameWhileHidden(options, keyOf(options, generation));
    // Otherwise a folder that was unshared for a while would get duplicates of all its files.
    await drive.inspectFolder(folderId, context);
  }
  const next = generation + 1;
  await claimGeneration(options, keyOf(options, next));
  await leadOn(options, generation);
  return next;
};

/**
 * The file or the id that the entry of one generation has, or the generation to look at next. There are three cases: its file
 * is still there under the name; its file was not created yet, so the claimed id is used; its file is gone (trashed, moved,
 * renamed, deleted, or its id is used up), so the next generation is claimed.
 */
const resolveGeneration = async (
  options: NameOptions,
  generation: number,
): Promise<ResolvedName | { next: number }> => {
  const { ledger, log } = options;
  const key = keyOf(options, generation);
  const { entry, mine } = await claimGeneration(options, key);
  const successor = successorOf(entry) ?? 0;
  if (successor > generation) return { next: successor };
  const file = await getMade(options, entry);
  if (file !== undefined && isThere(options, file)) {
    if (entry.state === 'claimed') await markMade(ledger, key, log);
    return { key, file };
  }
  if (file === undefined && isToCome(options, entry)) {
    // Since another delivery claimed the name, a person may have put a file there, or taken one out of the trash.
    const found = mine ? undefined : await adopt(options);
    if (found === undefined) return { key, claimedId: entry.fileId };
    if (found.id === entry.fileId) return { key, file: found };
  }
  return { next: await claimNext(options, generation, { entry, isShown: file !== undefined }) };
};

/**
 * Finds the file of a name, or claims an id to create it with.
 * @throws CourierError `folder-not-found` if the folder itself is not visible, because then its content is unknown
 */
export const resolveName = async (options: NameOptions): Promise<ResolvedName> => {
  let generation = 0;
  for (let turn = 0; turn < MAX_GENERATIONS; turn++) {
    const resolved = await resolveGeneration(options, generation);
    if (!('next' in resolved)) return resolved;
    generation = resolved.next;
  }
  throw new CourierError('google-unavailable', { cause: new Error('a name has too many generations') });
};

/**
 * The file of a name whose id only Drive can choose: from the ledger, which knows it since it was created, or by a search.
 * @returns `freeKey`: the ledger key to claim for it once it is created
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

/**
 * The ledger's key for a name that no file has in the folder, and that no delivery has claimed for a new one. Such a claim
 * counts for as long as it has no file, because the caller of an upload session may take a week to send the bytes.
 * @returns undefined for a name that is taken
 */
export const findFreeName = async (options: NameOptions): Promise<string | undefined> => {
  const { ledger } = options;
  for (let generation = 0; generation < MAX_GENERATIONS; generation++) {
    const key = keyOf(options, generation);
    const entry = await ledger.read(key);
    if (entry === undefined) return (await adopt(options)) === undefined ? key : undefined;
    if (entry.state === 'claimed') return undefined;
    const file = await getMade(options, entry);
    if (file !== undefined && isThere(options, file)) return undefined;
  }
  return undefined;
};
