import type { Actor, StoredFile } from '../drive/model.ts';
import type { SheetsCall } from './call/call.ts';
import { groupsOf, type Opened } from './call/call.ts';
import { closeDraft, type Draft, openDraft, trimRows } from './draft.ts';
import { InvalidRequest, invalidArgument } from './errors.ts';
import type { SheetsState } from './state.ts';

/** An edit also changes the Drive file: its version and its time of modification. */
function touch(state: SheetsState, { account }: Actor, file: StoredFile, title: string | undefined): StoredFile {
  const now = state.drive.now();
  const touched: StoredFile = {
    ...file,
    name: title ?? file.name,
    modifiedMs: now,
    modifiedBy: account.email,
    modifiedByMeMs: { ...file.modifiedByMeMs, [account.email]: now },
    version: file.version + 1,
  };
  state.drive.store.save(touched);
  return touched;
}

export function draftOf(state: SheetsState, { actor }: SheetsCall, { file, isOwner }: Opened): Draft {
  const { email } = actor.account;
  const workbook = state.workbooks.get(file.id);
  const groups = workbook.tabs.some((tab) => tab.protectedRanges.length > 0) ? groupsOf(state, email) : [];
  return openDraft(workbook, state.limits, { email, app: actor.app, isOwner, groups });
}

/** Stores a draft. Everything before can fail without having changed anything. */
export function commit(state: SheetsState, { actor }: SheetsCall, { file }: Opened, draft: Draft): StoredFile {
  for (const tab of draft.tabs) if (tab.ownsRows) trimRows(tab);
  state.workbooks.save(file.id, closeDraft(draft));
  return touch(state, actor, file, draft.title);
}

/** Runs a part of a change. @throws ApiError 400 with `what` before the message */
export function attempt<T>(what: string, run: () => T): T {
  try {
    return run();
  } catch (error) {
    if (error instanceof InvalidRequest) throw invalidArgument(`${what}${error.message}`);
    throw error;
  }
}
