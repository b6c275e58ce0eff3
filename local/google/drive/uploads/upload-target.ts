import { type DriveCall, pathParameter } from '../call/call.ts';
import { notImplemented } from '../errors.ts';
import type { MediaDescription } from '../files/content.ts';
import { withCells } from '../files/spreadsheets.ts';
import { changeFile, checkChange } from '../methods/change.ts';
import { checkInsert, insertFile } from '../methods/insert.ts';
import type { ReceivedBytes, StoredFile } from '../model.ts';
import type { DriveState } from '../store/state.ts';

type Metadata = Record<string, unknown>;

/** The method that an upload runs when its bytes have arrived: files.create or files.update. */
interface UploadTarget {
  /** The media type of the file whose content is replaced. */
  replacedType(state: DriveState, call: DriveCall): string | undefined;
  check(state: DriveState, call: DriveCall, metadata: Metadata, media: MediaDescription): void;
  run(state: DriveState, call: DriveCall, metadata: Metadata, received: ReceivedBytes): Promise<StoredFile>;
}

const replaced = ({ store }: DriveState, call: DriveCall): StoredFile | undefined =>
  store.files.get(pathParameter(call, 'fileId'));

const TARGETS: Readonly<Record<string, UploadTarget>> = {
  'drive.files.create': {
    replacedType: () => undefined,
    check: checkInsert,
    run: (state, call, metadata, received) =>
      withCells(state, { mimeType: metadata.mimeType, name: metadata.name }, received, () =>
        insertFile(state, call, metadata, received),
      ),
  },
  'drive.files.update': {
    replacedType: (state, call) => replaced(state, call)?.mimeType,
    check: (state, call, metadata, media) => checkChange(state, call, pathParameter(call, 'fileId'), metadata, media),
    run: (state, call, metadata, received) => {
      const { mimeType, name } = replaced(state, call) ?? {};
      return withCells(state, { mimeType, name: metadata.name ?? name }, received, () =>
        changeFile(state, call, pathParameter(call, 'fileId'), metadata, received),
      );
    },
  },
};

/** @throws DriveError 501 for a method that has no uploads here */
export function uploadTargetOf({ method }: DriveCall): UploadTarget {
  const effect = TARGETS[method.id];
  if (effect === undefined) throw notImplemented(method.id, `uploads to ${method.id}`);
  return {
    ...effect,
    check(state, call, metadata, media) {
      state.quota.checkUploads(call.grant.email);
      effect.check(state, call, metadata, media);
    },
    async run(state, call, metadata, received) {
      const file = await effect.run(state, call, metadata, received);
      state.quota.addUpload(call.grant.email, received.size);
      return file;
    },
  };
}
