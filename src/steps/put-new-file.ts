import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DriveFile, Uploaded } from '../drive/drive.ts';
import { resolveNamedFile } from '../drive/named-file.ts';
import { markMade } from '../drive/names.ts';
import { CourierError } from '../errors.ts';
import { keyMark, sameBytes } from './claim.ts';
import type { Plan } from './plan.ts';
import { guarded } from './put-replacement.ts';
import {
  descriptionOf,
  KEY_PROPERTY,
  outcomeOf,
  type Placed,
  type Put,
  resumption,
  sharedRequest,
} from './put-request.ts';
import { replaceSpentId } from './spent-id.ts';
import { DIGEST_PROPERTY, isSpoilt } from './spoilt.ts';

/** Private property of a file: which try made it. */
const TRY_PROPERTY = 'courierTry';

/** Waits for a file that Drive says exists and does not show, before its id is given up; in milliseconds. */
const VISIBILITY_WAITS_MS = [500, 1_500, 3_000];

const nameTaken = (name: string): CourierError =>
  new CourierError('name-taken', { detail: `"${name}" is already in the folder.` });

type NewFile = Plan & { kind: 'create' };

type Marks = Record<string, string>;

/** Drive had a file of this id. Whose is it, and what follows? */
const settleExisting = ({ order, plan, claim }: Put, { file, sha256, size }: Uploaded, marks: Marks): Placed => {
  const received = { sha256, size };
  const ours = file.appProperties[TRY_PROPERTY] === marks[TRY_PROPERTY];
  const ourKeys = claim !== undefined && file.appProperties[KEY_PROPERTY] === marks[KEY_PROPERTY];
  const rule = plan.kind === 'create' ? plan.rule : undefined;
  if (ours || ourKeys || rule === 'new') {
    const outcome = ours || claim === undefined ? 'created' : 'replayed';
    // Another key's bytes may have taken the place of ours since: that does not undo that ours were delivered.
    if (rule === 'replace' && file.sha256Checksum !== sha256) {
      return { file: { ...file, md5Checksum: undefined }, outcome, received };
    }
    if (claim !== undefined) sameBytes(sha256, file.sha256Checksum);
    return { file, outcome, received };
  }
  if (rule === 'skip') return { file, outcome: 'skipped' };
  throw nameTaken(order.name);
};

/** The path's folder, looked for anew; undefined when there is none to make. */
const freshFolder = async ({ order, context }: Put): Promise<string | undefined> => {
  const { place, path } = order;
  if (path === '') return undefined;
  return (await place.folders.ensure(place.config.folder, path, { ...context, fresh: true })).folderId;
};

/** Drive puts a file into a folder that lies in the trash without a word, and nobody would find it there. */
const outOfTrash = async (put: Put, file: DriveFile): Promise<Pick<Placed, 'file' | 'warnings'>> => {
  const from = file.parents[0];
  if (!file.trashed || from === undefined) return { file };
  try {
    const to = await freshFolder(put);
    if (to !== undefined && to !== from) {
      return { file: await put.order.place.drive.move(file.id, { from, to }, put.context) };
    }
  } catch (error) {
    put.log.warn({ error, fileId: file.id }, 'a file in a folder that is in the trash could not be moved out of it');
  }
  return { file, warnings: ['The folder is in the trash, and so is the file.'] };
};

/** Whether Drive shows the file of an id after all. */
const comesToSight = async ({ order, context }: Put, id: string): Promise<boolean> => {
  for (const wait of VISIBILITY_WAITS_MS) {
    await sleep(wait, undefined, context.signal === undefined ? {} : { signal: context.signal });
    if ((await order.place.drive.get(id, context)) !== undefined) return true;
  }
  return false;
};

/** The name or the key gets another id, so that the next try can make the file. */
const giveUpId = async (put: Put, { folderId, nameKey }: NewFile, spent: string): Promise<void> => {
  const { order, claim, ledger, context, log, now } = put;
  const { drive } = order.place;
  if (nameKey !== undefined) {
    await resolveNamedFile({ drive, ledger, folderId, name: order.name, context, log, now, unusable: spent });
  } else if (claim !== undefined) {
    const newId = (): Promise<string> => drive.newId(context);
    await replaceSpentId(ledger, { key: claim.key, spent, newId, nowMs: now() });
  }
};

/** Puts the right bytes into a file in which Drive keeps wrong ones: its id and link stay, and nothing that came since is lost. */
const mend = async (put: Put, { file }: Uploaded): Promise<Placed> => {
  const { order, delivery, claim } = put;
  const target = { kind: 'replace', id: file.id, mimeType: delivery.source.mimeType, ...descriptionOf(put) } as const;
  const mended = await order.place.drive.upload({ ...sharedRequest(put), target });
  const { sha256, size } = mended;
  return { file: mended.file, outcome: outcomeOf('replaced', claim), received: { sha256, size } };
};

/** A new file under an id that was chosen before: whoever comes second finds it there. */
export const create = (put: Put, plan: NewFile): Promise<Placed> => {
  const { order, delivery, claim, ledger, log } = put;
  const { nameKey } = plan;
  const marks: Marks = {
    [TRY_PROPERTY]: randomUUID(),
    ...(claim === undefined ? {} : { [KEY_PROPERTY]: keyMark(claim.key) }),
  };
  const file = {
    id: plan.fileId,
    name: order.name,
    mimeType: delivery.source.mimeType,
    folderId: plan.folderId,
    appProperties: marks,
    ...descriptionOf(put),
  };
  const isOurKeys = (existing: DriveFile): boolean =>
    claim !== undefined && existing.appProperties[KEY_PROPERTY] === marks[KEY_PROPERTY];
  const isReplacing = plan.rule === 'replace';
  let sha256 = delivery.expectedSha256;
  const isWrong = (existing: DriveFile): boolean => {
    if (!isSpoilt(put, existing, { sha256, keyMark: marks[KEY_PROPERTY] })) return false;
    const stored = existing.sha256Checksum;
    log.error(
      { fileId: existing.id, sent: sha256, stored },
      'Drive has stored other bytes than an earlier try has sent; they are replaced',
    );
    return true;
  };
  return guarded(
    put,
    (guard) =>
      order.place.drive.upload({
        ...sharedRequest(put),
        ...resumption(put),
        async beforeCommit(bytes) {
          sha256 = bytes.sha256;
          if (isReplacing) await guard.beforeCommit?.(bytes);
        },
        target: { kind: 'create', file },
        ...(claim === undefined ? {} : { digestProperty: DIGEST_PROPERTY }),
        ifExists: (existing) => ((isReplacing && !isOurKeys(existing)) || isWrong(existing) ? 'replace' : 'answer'),
        folderGone: () => freshFolder(put),
        async idSpent(id, why) {
          if (why === 'taken-back' || !(await comesToSight(put, id))) await giveUpId(put, plan, id);
        },
      }),
    async (uploaded) => {
      sha256 = uploaded.sha256;
      if (nameKey !== undefined) await markMade(ledger, nameKey, log);
      // A source that can be read again had no hash yet when its session was found at its end.
      const canMend = delivery.source.identity !== undefined && uploaded.existed && !uploaded.replaced;
      if (canMend && isWrong(uploaded.file)) return mend(put, uploaded);
      if (uploaded.existed && !uploaded.replaced) return settleExisting(put, uploaded, marks);
      const { size } = uploaded;
      const outcome = uploaded.replaced ? outcomeOf('replaced', claim) : 'created';
      return { ...(await outOfTrash(put, uploaded.file)), outcome, received: { sha256, size } };
    },
  );
};
