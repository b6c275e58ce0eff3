import { findFile, isAppAllowed, isListed, roleOf } from '../access/access.ts';
import type { DriveCall, Method } from '../call/call.ts';
import { pageOf } from '../call/pages.ts';
import { badRequest, fileNotFound, forbidden, invalidValue, notImplemented } from '../errors.ts';
import { fileResource } from '../files/resource.ts';
import { visibleDrive } from '../files/shared-drive.ts';
import type { StoredFile } from '../model.ts';
import { fileTerms } from '../query/file-terms.ts';
import { matcherOf } from '../query/matching.ts';
import { orderOf } from '../query/order.ts';
import { parseQuery, type Query } from '../query/parse.ts';
import type { DriveState } from '../store/state.ts';

/**
 * The part of Drive to search. `user` is everything the person has access to; shared drives are included only on
 * request.
 */
interface Corpus {
  name: string;
  driveId: string | undefined;
  withDrives: boolean;
}

/** Source: guides/search-shareddrives, and the parameters' own descriptions in the discovery document. */
const corpusOf = (state: DriveState, call: DriveCall): Corpus => {
  const { parameters, supportsAllDrives, actor } = call;
  const driveId = parameters.text('driveId') ?? parameters.text('teamDriveId');
  const withDrives = parameters.flag('includeItemsFromAllDrives') || parameters.flag('includeTeamDriveItems');
  const name = parameters.text('corpora') ?? (driveId === undefined ? 'user' : 'drive');
  if (name === 'domain' || parameters.text('corpus') !== undefined)
    throw notImplemented(call.method.id, 'the corpora domain and the old parameter corpus');
  if (!['user', 'drive', 'allDrives'].includes(name)) throw invalidValue('corpora');
  if ((name === 'drive') !== (driveId !== undefined))
    throw badRequest(
      'The driveId parameter must be specified if and only if corpora is set to drive.',
      'invalid',
      'driveId',
    );
  if (withDrives && !supportsAllDrives)
    throw forbidden(
      'teamDrivesNotSupported',
      'The supportsAllDrives parameter must be true if includeItemsFromAllDrives is.',
      'supportsAllDrives',
    );
  if (name !== 'user' && !withDrives)
    throw badRequest(
      'The includeItemsFromAllDrives parameter must be true to search shared drives.',
      'invalid',
      'includeItemsFromAllDrives',
    );
  if (driveId !== undefined) visibleDrive(state, actor, driveId);
  return { name, driveId, withDrives };
};

/** "This can occur when searching multiple drives …, but all corpora couldn't be searched" (FileList.incompleteSearch). */
const isIncomplete = ({ limits }: DriveState, { driveId, withDrives }: Corpus): boolean =>
  limits.leavesDrivesOut && withDrives && driveId === undefined;

const isIn = (state: DriveState, corpus: Corpus, file: StoredFile): boolean => {
  if (corpus.driveId !== undefined) return file.driveId === corpus.driveId;
  return file.driveId === undefined || (corpus.withDrives && !isIncomplete(state, corpus));
};

/**
 * The folders that must contain a match, or undefined when the query does not restrict the folder. A search in one folder
 * then reads only that folder's children.
 */
function foldersOf(query: Query | undefined): ReadonlySet<string> | undefined {
  if (query?.kind === 'in' && query.term === 'parents') return new Set([query.value]);
  if (query?.kind === 'and') {
    const [left, right] = [foldersOf(query.left), foldersOf(query.right)];
    return left !== undefined && right !== undefined
      ? new Set([...left].filter((id) => right.has(id)))
      : (left ?? right);
  }
  if (query?.kind === 'or') {
    const [left, right] = [foldersOf(query.left), foldersOf(query.right)];
    return left !== undefined && right !== undefined ? new Set([...left, ...right]) : undefined;
  }
  return undefined;
}

function* candidatesOf(state: DriveState, call: DriveCall, query: Query | undefined): Generator<StoredFile> {
  const folders = foldersOf(query);
  if (folders === undefined) {
    yield* state.store.files.all();
    return;
  }
  for (const folder of folders)
    for (const id of state.store.childrenOf(folder === 'root' ? call.actor.account.rootId : folder)) {
      const file = state.store.files.get(id);
      if (file !== undefined) yield file;
    }
}

/** A folder that the caller cannot see is not an empty folder: Drive answers "File not found: .", without the ID. */
const checkParents = (state: DriveState, { actor, supportsAllDrives }: DriveCall, query: Query | undefined): void => {
  for (const id of foldersOf(query) ?? []) {
    const folder = findFile(state, actor, id);
    const seen = folder !== undefined && roleOf(state, actor.account, folder) !== undefined;
    if (!seen || (folder.driveId !== undefined && !supportsAllDrives)) throw fileNotFound('');
  }
};

export const filesList: Method = (state, call) => {
  const { parameters, actor, method } = call;
  const spaces = parameters.text('spaces') ?? 'drive';
  if (spaces !== 'drive') throw notImplemented(method.id, `the space ${spaces}`);
  const q = parameters.text('q') ?? '';
  const query = q.trim() === '' ? undefined : parseQuery(q);
  const corpus = corpusOf(state, call);
  const orderBy = parameters.text('orderBy');
  const order = orderOf(orderBy, actor);
  const matches = query === undefined ? () => true : matcherOf(query, fileTerms(state, actor), method.id);
  checkParents(state, call, query);
  const newestMs = state.now() - state.limits.listLagMs;
  const found: StoredFile[] = [];
  for (const file of candidatesOf(state, call, query))
    if (
      file.kind === 'item' &&
      file.arrivedMs <= newestMs &&
      isIn(state, corpus, file) &&
      matches(file) &&
      isListed(state, actor.account, file) &&
      isAppAllowed(actor, file)
    )
      found.push(file);
  const search = [actor.account.email, q, corpus, orderBy];
  const size = parameters.number('pageSize') ?? 100;
  const { page, nextPageToken } = pageOf(found.sort(order), size, parameters.text('pageToken'), search);
  return {
    resource: {
      kind: 'drive#fileList',
      nextPageToken,
      incompleteSearch: isIncomplete(state, corpus),
      files: page.map((file) => fileResource(state, actor, file)),
    },
  };
};
