import { AsyncLocalStorage } from 'node:async_hooks';
import { createHash, hash } from 'node:crypto';
import type { Plan } from '../../src/delivery/plan.ts';
import type { Receipt } from '../../src/domain.ts';
import type { Ledger } from '../../src/ledger/ledger.ts';
import { createMemoryLedger } from '../../src/ledger/memory.ts';
import type { Context } from './actors/actors.ts';
import { type LocalDrive, PERSON, WRITERS } from './actors/local-drive.ts';
import { filesOf } from './archive-entries.ts';
import { checkEnding, checkTruth } from './invariants/answers.ts';
import { checkRowsEnd } from './invariants/rows-end.ts';
import { checkRowsReceipt } from './invariants/rows-answers.ts';
import { checkSheetChange, describeSheetChange } from './invariants/rows-changes.ts';
import { checkChange } from './invariants/changes.ts';
import { checkEnd } from './invariants/end.ts';
import type { Facts } from './invariants/facts.ts';
import { createLabels, type Labels } from './labels.ts';
import { type Attempt, createMonitor, type Ending, identityOf, type Monitor } from './monitor.ts';
import { rowsAsCsv } from './rows.ts';
import { type DeliverySpec, FILE_NAME, hasRows, isRows, type Scenario } from './scenario.ts';
import type { VirtualClock } from './schedules/clock.ts';
import { type Author, createHistory, type History } from './schedules/history.ts';
import { createSheetHistory } from './schedules/sheet-history.ts';
import { createScheduler, type Scheduler } from './schedules/scheduler.ts';

/** The context of the current code. There is one per process, like the clock. */
export const contexts = new AsyncLocalStorage<Context>();

/** The state of one schedule run: folders in Drive, ledger, actors and observations. */
export interface World {
  scenario: Scenario;
  clock: VirtualClock;
  drive: LocalDrive;
  /** The destination's folder, and a folder to which the person moves files. */
  folders: { destination: string; archive: string };
  ledger: Ledger;
  scheduler: Scheduler;
  history: History;
  labels: Labels;
  monitor: Monitor;
  /** What the invariants are checked against. */
  facts: Facts;
  /** No more faults are injected. */
  isFaultFree: boolean;
  /** The attempt that a context belongs to. */
  attempt(context: Context | undefined): Attempt | undefined;
  /** Records how an attempt ended, and checks the invariants. */
  ended(attempt: Attempt, ending: Ending): void;
  /** Records that a receipt was written to the ledger, and checks the invariants. */
  recorded(attempt: Attempt, receipt: Receipt): void;
  planned(attempt: Attempt, plan: Plan): void;
  checkEnd(): void;
  close(): void;
}

/** The bytes that a person writes. */
export const EDIT = 'edited by a person';

/** Drive's search is not read-after-write consistent. Longer than most schedules take. */
const LIST_LAG_MS = 5_000;

const LARGE_BYTES = 600_000;

/** The bytes of a delivery. They depend only on the letter and the size. */
export const bytesOf = ({ bytes, size }: Pick<DeliverySpec, 'bytes' | 'size'>): Buffer => {
  if (isRows({ size })) return rowsAsCsv({ bytes, size });
  if (size === 'large') return Buffer.alloc(LARGE_BYTES, `large ${bytes} `);
  return Buffer.from(size === 'sheet' ? `name,value\r\n${bytes},1\r\n` : `small ${bytes}\n`);
};

const authorFrom = ({ actor, attempt = 0 }: Context): Author => ({
  actor: actor.name,
  isPerson: actor.isPassive,
  key: actor.key,
  attempt,
});

const NOBODY: Author = { actor: 'setup', isPerson: false, key: undefined, attempt: 0 };

/** A ledger that grants every claim. The checker must detect the consequences. */
const brokenLedger = (ledger: Ledger): Ledger => ({
  ...ledger,
  async claim(key, entry) {
    const claimed = await ledger.claim(key, entry);
    return { ...claimed, entry: { ...claimed.entry, ...entry }, mine: true };
  },
});

export const openWorld = (
  scenario: Scenario,
  { clock, drive, hasBrokenLedger = false }: { clock: VirtualClock; drive: LocalDrive; hasBrokenLedger?: boolean },
): World => {
  const { service, sharedDriveId } = drive;
  const isInMyDrive = scenario.settings.includes('my-drive');
  const root = service.createFolder({ name: 'case', ...(isInMyDrive ? { owner: PERSON } : { parent: sharedDriveId }) });
  if (isInMyDrive) for (const { email } of WRITERS) service.share(root, { email, role: 'writer' });
  const folders = {
    destination: service.createFolder({ name: 'exports', parent: root }),
    archive: service.createFolder({ name: 'archive', parent: root }),
  };
  service.setLimits({ listLagMs: scenario.lag ? LIST_LAG_MS : 0 });
  drive.sheets.setLimits({ duplicateMetadataIds: scenario.acceptsSameIds ? 'allow' : 'refuse' });
  const sheetHistory = createSheetHistory(service.state);
  const history = createHistory(service.state, root);
  const labels = createLabels(folders);
  const monitor = createMonitor();
  const scheduler = createScheduler(clock, contexts, {
    afterStep(context, { sentAtMs, isUnanswered = false }) {
      const at = { step: scheduler.steps.length, atMs: clock.now(), sentAtMs, isUnanswered };
      for (const change of history.look(authorFrom(context), at)) {
        monitor.changes.push(change);
        const step = scheduler.steps.at(-1);
        if (step !== undefined) step.note += `; ${labels.change(change)}`;
        checkChange(facts, change);
      }
      if (!hasRows(scenario)) return;
      for (const change of sheetHistory.look(history.files(), authorFrom(context), at)) {
        monitor.sheetChanges.push(change);
        const step = scheduler.steps.at(-1);
        if (step !== undefined) step.note += `; ${describeSheetChange(facts, change)}`;
        checkSheetChange(facts, change);
      }
    },
  });
  const files = scenario.deliveries.flatMap(filesOf);
  const facts: Facts = {
    scenario: { ...scenario, deliveries: files },
    ...{ monitor, history, labels, name: FILE_NAME },
    sheetOf: (id) => (history.file(id) === undefined ? undefined : service.state.store.workbooks.get(id).tabs),
    shaOf: ({ spec }) => {
      const sha256 = hash('sha256', bytesOf(spec));
      labels.nameBytes(sha256, spec.bytes);
      return sha256;
    },
    md5Of: ({ spec }) => createHash('md5').update(bytesOf(spec)).digest('hex'),
    step: () => scheduler.steps.length,
    steps: () => scheduler.steps,
    faultyCalls: () => scheduler.steps.filter(({ fault }) => fault !== undefined),
    ledgerCalls: () =>
      scheduler.steps.flatMap(({ actor, attempt, label }, at) =>
        label.startsWith('ledger.') ? [{ actor, attempt, step: at + 1 }] : [],
      ),
  };
  history.look(NOBODY, { step: 0, atMs: clock.now(), sentAtMs: clock.now(), isUnanswered: false });
  labels.nameBytes(hash('sha256', Buffer.alloc(0)), 'nothing');
  labels.nameBytes(hash('sha256', Buffer.from(EDIT)), "the person's");
  for (const spec of files) labels.nameBytes(hash('sha256', bytesOf(spec)), spec.bytes);
  return {
    ...{ scenario, clock, drive, folders, scheduler, history, labels, monitor, facts, isFaultFree: true },
    ledger: hasBrokenLedger
      ? brokenLedger(createMemoryLedger({ now: clock.now }))
      : createMemoryLedger({ now: clock.now }),
    attempt: (context) =>
      context === undefined
        ? undefined
        : monitor.attempts.find(({ actor, number }) => actor === context.actor.name && number === context.attempt),
    ended(attempt, ending) {
      Object.assign(attempt, { ending, endStep: scheduler.steps.length });
      checkEnding(facts, attempt);
      if (ending.kind === 'receipt')
        monitor.acks.push({ attempt, receipt: ending.receipt, step: scheduler.steps.length });
    },
    recorded(attempt, receipt) {
      attempt.hasRecorded = true;
      const { key } = attempt.spec;
      monitor.recorded.push({ identity: identityOf(attempt), key, receipt, step: scheduler.steps.length });
      const where = `the receipt that ${attempt.actor} records`;
      if (isRows(attempt.spec)) checkRowsReceipt(facts, attempt, receipt, where);
      else checkTruth(facts, identityOf(attempt), receipt, where);
    },
    planned(attempt, plan) {
      const identity = identityOf(attempt);
      const last = monitor.planned.findLast((other) => other.identity === identity);
      // As in the ledger, a member that is undefined is one that is not there.
      if (last !== undefined && JSON.stringify(last.plan) === JSON.stringify(plan)) return;
      monitor.planned.push({ identity, plan, startStep: attempt.startStep });
    },
    checkEnd: () => (hasRows(scenario) ? checkRowsEnd(facts) : checkEnd(facts)),
    close() {
      clock.drop(() => true);
      service.removeFile(root);
    },
  };
};
