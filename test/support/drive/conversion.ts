import { KEY_PROPERTY, keyMark } from '../../../src/delivery/idempotency.ts';
import type { Plan } from '../../../src/delivery/plan.ts';
import { driveFile } from './drive-file.ts';

/** A conversion into a Google Sheet, as the tests of its steps plan it. */

export const TYPE = 'application/vnd.google-apps.spreadsheet';
/** Of the delivery in the ledger. */
export const KEY = 'delivery:k';
export const PLAN: Plan & { kind: 'convert' } = {
  ...{ kind: 'convert', fileId: '', target: TYPE, rule: 'new', folderId: 'folder' },
};
/** The document must be the only one of its name. */
export const NAMED = { ...PLAN, rule: 'replace' } as const;
/** The ledger's key of the lease of that name. */
export const NAME_LEASE = 'convert:["folder","report.csv"]';
/** The document that an earlier try of the key has made. */
export const OWN = driveFile({ mimeType: TYPE, appProperties: { [KEY_PROPERTY]: keyMark(KEY) } });
