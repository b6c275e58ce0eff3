import { destination } from '../../../src/config/schema/destination.ts';
import type { Claim } from '../../../src/delivery/idempotency.ts';
import type { Plan } from '../../../src/delivery/plan.ts';
import type { ResolvedRequest } from '../../../src/delivery/resolve-options.ts';
import type { UploadStep } from '../../../src/delivery/store/upload-step.ts';
import type { Source } from '../../../src/domain.ts';
import type { DriveFile, ReceivedBytes, UploadRequest, UploadResult, UploadTarget } from '../../../src/drive/drive.ts';
import { createMemoryLedger } from '../../../src/ledger/memory.ts';
import type { Sheets } from '../../../src/sheets/sheets.ts';
import { createKeptLog } from '../kept-log.ts';

/** Epoch milliseconds at which every fake step stands still. */
export const STEP_NOW_MS = 1_000_000;

const REQUEST: Omit<ResolvedRequest, 'destination' | 'path'> = {
  name: 'report.csv',
  sinceMs: STEP_NOW_MS,
  onConflict: 'new',
  convertTo: undefined,
  details: {},
  rows: {},
};

const CONFIG = destination.parse({
  folder: '0AbCdEf',
  credentials: 'main',
  callers: ['caller@example.com'],
  maxBytes: 1_000,
});

interface StepSetting {
  plan: Plan;
  claim?: Partial<Claim> | undefined;
  files?: readonly DriveFile[];
  revisions?: readonly string[] | undefined;
  /** What the uploads come to, in order. */
  results?: UploadResult[];
  /** The bytes of the delivery, for an upload that finds a file. */
  received?: ReceivedBytes;
  path?: string;
  /** The folder that is found when a missing one is made again. */
  freshFolderId?: string;
  removeRevision?: () => Promise<boolean>;
  /** Of the destination, beside the defaults. */
  config?: object;
  /** The content restriction of every file. */
  lock?: { isLocked: boolean; isOwn: boolean };
  /** Other answers of Drive. */
  driveAnswers?: object;
  sheets?: Partial<Sheets>;
  source?: Partial<Source>;
}

/** A step of a delivery whose Drive gives the answers that a test sets, and whose calls are recorded. */
export const createFakeStep = ({
  plan,
  claim,
  files = [],
  revisions,
  results = [],
  received = { sha256: 'a'.repeat(64), size: 3 },
  path = '',
  freshFolderId = 'fresh',
  removeRevision = async () => true,
  config = {},
  lock = { isLocked: false, isOwn: true },
  driveAnswers = {},
  sheets = {},
  source = {},
}: StepSetting) => {
  const log = createKeptLog();
  const calls: string[] = [];
  const targets: UploadTarget[] = [];
  const requests: UploadRequest[] = [];
  const endings: (() => Promise<void>)[] = [];
  const policy = {
    async lockOf(id: string) {
      calls.push(`lockOf ${id}`);
      return lock;
    },
    unlock: async (id: string) => void calls.push(`unlock ${id}`),
    restrict: async ({ id }: DriveFile, _: object, { deadlineMs }: { deadlineMs?: number }) =>
      void calls.push(`restrict ${id} by ${deadlineMs}`),
  };
  const drive = {
    now: () => STEP_NOW_MS,
    get: async (id: string) => files.find((file) => file.id === id),
    getShared: async (id: string) => files.find((file) => file.id === id),
    find: async () => [],
    newId: async () => 'new-id',
    revisions: async () => revisions?.map((id) => ({ id, md5Checksum: undefined })),
    async removeRevision(id: string, revisionId: string, { deadlineMs }: { deadlineMs?: number }) {
      calls.push(`removeRevision ${id} ${revisionId} by ${deadlineMs}`);
      return removeRevision();
    },
    async move(id: string, { from, to }: { from: string; to: string }) {
      calls.push(`move ${id} from ${from} to ${to}`);
      return { ...files.find((file) => file.id === id), trashed: false, parents: [to] };
    },
    async startUpload(request: UploadRequest) {
      requests.push(request);
      return {
        async send(target: UploadTarget): Promise<UploadResult> {
          targets.push(target);
          const result = results.shift();
          if (result === undefined) throw new Error('no other upload was expected');
          return result;
        },
        received: async () => received,
        close: () => calls.push('close'),
      };
    },
    policy: async () => policy,
    ...driveAnswers,
  };
  const folders = {
    async ensure(_: string, wanted: string) {
      calls.push(`ensure ${wanted}`);
      return { folderId: freshFolderId };
    },
  };
  const now = (): number => STEP_NOW_MS;
  const step = {
    ...{
      plan,
      claim: claim && { plan: () => plan, ...claim },
      log,
      now,
      plannedAtMs: now(),
      context: {},
      ledger: createMemoryLedger({ now }),
      unlocked: [],
    },
    sleep: async (ms: number) => void calls.push(`sleep ${ms}`),
    request: {
      ...{ ...REQUEST, path },
      destination: { name: 'reports', drive, folders, sheets: async () => sheets, config: { ...CONFIG, ...config } },
    },
    delivery: { signal: new AbortController().signal, source: { mimeType: 'text/csv', size: 3, ...source } },
    atEnd: (work: () => Promise<void>) => endings.push(work),
  } as unknown as UploadStep;
  return { step, log, calls, targets, requests, endings };
};
