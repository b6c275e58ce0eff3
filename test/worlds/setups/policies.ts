import { DRIVE } from '../../../local/google/world/names.ts';
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
    name: 'a label that is not published and not required',
    arrange(_, document) {
      document.destinations.reports.labels = { unpublished: { required: false, fields: { field: 'text' } } };
      return undefined;
    },
    write: true,
    finds: { ...NO_PUBSUB, probe: { result: 'warned', detail: /labels could not be set/, remedy: /published/ } },
  },
  {
    name: 'a second account that may only read the folder',
    arrange({ world }, document) {
      world.delegate(world.emails.courier, [DRIVE]);
      document.destinations.reports.credentials = ['main', 'second'];
      Object.assign(document.credentials, {
        second: { secret: `${world.secret}/versions/latest`, subject: world.emails.bob },
      });
      return undefined;
    },
    finds: {
      ...QUIET,
      writable: { result: 'failed', detail: /^Credentials "second": bob@example.com can only read it/, remedy: /./ },
      sharing: { result: 'warned', detail: /^Credentials "second": / },
    },
  },
  {
    name: 'a second account whose secret does not exist',
    arrange({ world }, document) {
      document.destinations.reports.credentials = ['main', 'second'];
      Object.assign(document.credentials, { second: { secret: `${world.secret}-second/versions/latest` } });
      return undefined;
    },
    finds: { ...QUIET, secret: { result: 'failed', detail: /^Credentials "second": / } },
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
