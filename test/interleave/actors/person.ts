import { permissionIdFor } from '../../../local/google/drive/access/principals.ts';
import { SPREADSHEET } from '../../../local/google/drive/files/spreadsheets.ts';
import { type Act, FILE_NAME, hasRows } from '../scenario.ts';
import type { FileState } from '../schedules/history.ts';
import { contexts, EDIT, type World } from '../world.ts';
import type { Actor } from './actors.ts';
import { AUDITOR, PERSON_TOKEN } from './local-drive.ts';
import { sheetRequestFor } from './sheet-acts.ts';

const FILES = 'https://www.googleapis.com/drive/v3/files';
const UPLOADS = 'https://www.googleapis.com/upload/drive/v3/files';

/** The API request for an act; undefined if there is no file to apply it to. */
const requestFor = (
  world: World,
  act: Act,
  step: number,
): { method: string; url: string; body: object | string; type?: string } | undefined => {
  const { history, folders, scenario } = world;
  const named = (isWanted: (file: FileState) => boolean): FileState | undefined =>
    history.files().find((file) => !file.isFolder && isWanted(file));
  const existing = named(({ name, trashed, parent }) => name === FILE_NAME && !trashed && parent !== folders.archive);
  const patch = (id: string, body: object, more = '') =>
    ({ method: 'PATCH', url: `${FILES}/${id}?supportsAllDrives=true&fields=id${more}`, body }) as const;

  if (act === 'put' || act === 'put-sheet') {
    const parent = existing?.parent ?? folders.destination;
    return {
      method: 'POST',
      url: `${FILES}?supportsAllDrives=true&fields=id`,
      body: {
        name: FILE_NAME,
        parents: [parent],
        mimeType: hasRows(scenario) || act === 'put-sheet' ? SPREADSHEET : 'text/plain',
      },
    };
  }
  const inSheet = sheetRequestFor(world, act, existing?.id, step);
  if (inSheet !== undefined) return inSheet;
  if (act === 'trash-folder' || act === 'move-folder') {
    const folder = history.files().find(({ isFolder, parent }) => isFolder && parent === folders.destination);
    if (folder === undefined || folder.trashed) return undefined;
    return act === 'trash-folder'
      ? patch(folder.id, { trashed: true })
      : patch(folder.id, {}, `&addParents=${folders.archive}&removeParents=${folders.destination}`);
  }
  if (act === 'untrash') {
    const trashed = named((file) => file.trashed);
    return trashed === undefined ? undefined : patch(trashed.id, { trashed: false });
  }
  if (existing === undefined) return undefined;
  const { id, parent, isSheet } = existing;
  switch (act) {
    case 'rename':
      return patch(id, { name: 'renamed by a person' });
    case 'move':
      return patch(id, {}, `&addParents=${folders.archive}&removeParents=${parent}`);
    case 'trash':
      return patch(id, { trashed: true });
    case 'edit':
      return {
        method: 'PATCH',
        url: `${UPLOADS}/${id}?uploadType=media&supportsAllDrives=true&fields=id`,
        body: EDIT,
        // Drive converts only some types to a sheet.
        type: isSheet ? 'text/csv' : 'text/plain',
      };
    case 'unshare': {
      const permission = permissionIdFor({ type: 'user', emailAddress: AUDITOR });
      if (!existing.shares.some((share) => share.startsWith(AUDITOR))) return undefined;
      return { method: 'DELETE', url: `${FILES}/${id}/permissions/${permission}?supportsAllDrives=true`, body: '' };
    }
    case 'delete':
      return { method: 'DELETE', url: `${FILES}/${id}?supportsAllDrives=true`, body: '' };
    default:
      return undefined;
  }
};

/** Performs the acts in order, each at the point that the schedule chooses. */
export const runPerson = async (world: World, actor: Actor, acts: readonly Act[]): Promise<void> => {
  const { scheduler, drive } = world;
  for (const [index, act] of acts.entries()) {
    await contexts.run({ actor }, () =>
      scheduler.point(`the person: ${act}`, [], async () => {
        const request = requestFor(world, act, index + 1);
        if (request === undefined) return { note: 'nothing to do it to', value: undefined };
        const isText = typeof request.body === 'string';
        const answer = await drive.handle({
          method: request.method,
          url: request.url,
          headers: {
            authorization: `Bearer ${PERSON_TOKEN}`,
            ...(request.method === 'DELETE' ? {} : { 'content-type': request.type ?? 'application/json' }),
          },
          body: [Buffer.from(isText ? String(request.body) : JSON.stringify(request.body))],
        });
        if (answer.status === 403 && world.scenario.isReadOnly)
          return { note: 'the file is read-only', value: undefined };
        // In My Drive only its owner may remove a file.
        if (answer.status === 403 && world.scenario.settings.includes('my-drive'))
          return { note: 'the file belongs to another account', value: undefined };
        if (answer.status >= 300) throw new Error(`${act}: ${answer.status} ${answer.body.toString()}`);
        return { note: String(answer.status), value: undefined };
      }),
    );
  }
  actor.finished = true;
};
