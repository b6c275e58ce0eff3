import type { World } from '../visit.ts';
import { NO_PUBSUB, QUIET } from './expected.ts';

/** What may happen to delivered files. */
export const POLICY_WORLDS: readonly World[] = [
  {
    name: 'downloads are to be forbidden by an account that is no manager',
    arrange(_, document) {
      document.destinations.reports.readOnly = true;
      document.destinations.reports.noDownload = true;
      return undefined;
    },
    write: true,
    finds: {
      ...NO_PUBSUB,
      probe: {
        result: 'failed',
        detail: /readOnly, noDownload could not be set/,
        remedy: /manager of the shared drive/,
      },
    },
  },
  {
    name: 'files are to be read-only, which the account may set',
    arrange(_, document) {
      document.destinations.reports.readOnly = true;
      return undefined;
    },
    write: true,
    finds: NO_PUBSUB,
  },
  {
    name: 'a label that is not published',
    arrange(_, document) {
      document.destinations.reports.labels = { unpublished: { field: 'text' } };
      return undefined;
    },
    write: true,
    finds: { ...NO_PUBSUB, probe: { result: 'failed', detail: /labels could not be set/, remedy: /published/ } },
  },
  {
    name: 'writers are to be kept from sharing in a shared drive',
    arrange(_, document) {
      document.destinations.reports.writersCanShare = false;
      return undefined;
    },
    finds: {
      ...QUIET,
      sharing: { result: 'failed', detail: /only in My Drive/, remedy: /settings of the shared drive/ },
    },
  },
  {
    name: 'retention, which is only looked at',
    arrange(_, document) {
      document.destinations.reports.keep = { last: 3 };
      return undefined;
    },
    finds: { ...QUIET, retention: { result: 'passed', detail: /of 0 files.*none to the trash/ } },
  },
];
