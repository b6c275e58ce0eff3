import type { Receipt } from '../../src/domain.ts';
import type { Change } from './schedules/history.ts';

/** Short labels for ids, numbered in the order of their first appearance, so that two runs of one schedule print the same text. */
export interface Labels {
  file(id: string): string;
  nameBytes(sha256: string, letter: string): void;
  bytes(sha256: string | null | undefined): string;
  change(change: Change): string;
  /** A short description of a call to Drive. */
  call(method: string, url: string): string;
  /** A short description of a ledger call. */
  ledger(method: string, given: readonly unknown[]): string;
  receipt(receipt: Receipt): string;
}

/** Ids of files and revisions in the format of the local Drive, and ids of uploads without a key. */
const FILE_ID = /\b(?:1[\w-]{32}|0A[\w-]{17})(?![\w-])/g;
const CHANCE_ID = /\b0B[\w-]{49}|\b[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}\b/g;

export const createLabels = (folders: { destination: string; archive: string }): Labels => {
  const files = new Map([
    [folders.destination, 'destination'],
    [folders.archive, 'archive'],
  ]);
  const sessions = new Map<string, string>();
  const letters = new Map<string, string>();
  /** Ids that differ between two runs. */
  const drawn = new Map<string, string>();
  let count = 0;

  const file = (id: string): string => {
    const known = files.get(id);
    if (known !== undefined) return known;
    count += 1;
    files.set(id, `f${count}`);
    return `f${count}`;
  };

  const session = (uploadId: string): string => {
    const known = sessions.get(uploadId) ?? `session ${sessions.size + 1}`;
    sessions.set(uploadId, known);
    return known;
  };

  const bytes: Labels['bytes'] = (sha256) => {
    if (sha256 === null || sha256 === undefined) return 'none';
    return letters.get(sha256) ?? `other bytes (${sha256.slice(0, 6)})`;
  };

  const chance = (id: string): string => {
    const known = drawn.get(id) ?? `${id.startsWith('0B') ? 'r' : 'u'}${drawn.size + 1}`;
    drawn.set(id, known);
    return known;
  };

  const withLabels = (text: string): string => text.replace(FILE_ID, file).replace(CHANCE_ID, chance);

  return {
    file,
    nameBytes: (sha256, letter) => void letters.set(sha256, letter),
    bytes,
    change({ kind, fileId, before, after, revision }) {
      const name = file(fileId);
      const holds = (state: Change['after']): string => bytes(state?.revisions.at(-1)?.sha256);
      if (kind === 'created')
        return after?.isFolder ? `${name} (a folder) is made` : `${name} is made, holds ${holds(after)}`;
      if (kind === 'content') return `${name}: ${holds(before)} → ${bytes(revision?.sha256)}`;
      if (kind === 'revision-deleted')
        return `${name}: ${bytes(revision?.sha256)} is taken back, holds ${holds(after)}`;
      return `${name} is ${kind}${kind === 'renamed' ? ` to "${after?.name}"` : ''}`;
    },
    call(method, url) {
      const { pathname, searchParams } = new URL(url);
      const uploadId = searchParams.get('upload_id');
      if (uploadId !== null) return `${method} ${session(uploadId)}`;
      const type = searchParams.get('uploadType');
      const query = searchParams.get('q');
      const path = pathname.replace(/^.*\/(?:drive\/v3|v4)\//, '');
      return withLabels(
        `${method} ${path}${type === null ? '' : ` (${type})`}${query === null ? '' : ` [${query.replace(/ and trashed = false$/, '')}]`}`,
      );
    },
    ledger(method, given) {
      const [key] = given;
      const text = typeof key === 'string' ? withLabels(key).replaceAll('\\"', '"') : '';
      const entry = given.find((one) => typeof one === 'object' && one !== null && 'state' in one) as
        | { state?: unknown; fileId?: unknown }
        | undefined;
      const state = typeof entry?.state === 'string' ? ` ${entry.state}` : '';
      const id = typeof entry?.fileId === 'string' && entry.fileId !== '' ? ` ${file(entry.fileId)}` : '';
      return `ledger.${method} ${text}${state}${id}`;
    },
    receipt: ({ id, outcome, sha256, warnings }) =>
      `receipt: ${outcome} ${file(id)}, holds ${bytes(sha256)}${warnings === undefined ? '' : `, ${warnings.length} warning(s)`}`,
  };
};
