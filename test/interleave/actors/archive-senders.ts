import type { Delivery, Receipt } from '../../../src/domain.ts';
import { CourierError, type ErrorCode } from '../../../src/errors.ts';
import { zipOf } from '../../support/archives.ts';
import type { ArchiveEntrySpec } from '../archive-entries.ts';
import { type ArchiveSummary, checkSummary } from '../invariants/archives.ts';
import { violate } from '../invariants/facts.ts';
import type { Attempt, Ending } from '../monitor.ts';
import type { DeliverySpec } from '../scenario.ts';
import { bytesOf, type World } from '../world.ts';
import type { Actor } from './actors.ts';
import { callerOf, keySentBy } from './callers.ts';
import { beginAttempt, type SentRequest } from './requests.ts';

/** An entry, and the actor that delivers it. */
export interface ArchiveEntry extends ArchiveEntrySpec {
  actor: Actor;
}

interface Problem {
  code: ErrorCode;
  detail: string;
}

/** The last line, a receipt or a problem of an entry, or a problem that has ended the response early. */
type Line = { summary: ArchiveSummary } | (Receipt & { entry: string }) | (Problem & { entry: string }) | Problem;

const errorOf = ({ code, detail }: Problem): CourierError => new CourierError(code, { detail });

/** The lines of a response, as they arrive. */
async function* linesOf(response: Response): AsyncGenerator<Line> {
  let rest = '';
  for await (const piece of response.body ?? []) {
    const lines = `${rest}${Buffer.from(piece).toString()}`.split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) yield JSON.parse(line) as Line;
  }
}

/** Entries are stored: inflating them would run on threads, whose order the schedule does not decide. */
const archiveOf = (entries: readonly ArchiveEntry[]): Buffer =>
  zipOf(entries.map(({ name, spec }) => ({ name, bytes: bytesOf(spec), method: 0 })));

/** Sends an archive once. Each entry is an attempt of its own. Returns how they have ended. */
export const sendArchive = async (
  world: World,
  { spec, entries }: { spec: DeliverySpec; entries: readonly ArchiveEntry[] },
  request: SentRequest,
): Promise<Ending[]> => {
  const { path } = world.scenario;
  const attempts = new Map(
    entries.map(({ name, actor, spec: own }): [string, Attempt] => [
      name,
      beginAttempt(world, actor, { spec: own, entry: name }, request),
    ]),
  );
  let isOver = false;

  const end = (attempt: Attempt, ending: Ending): void => {
    if (isOver) return;
    if (attempt.ending === undefined) world.ended(attempt, ending);
    else violate(world.facts, 'I11', `${attempt.actor} has two lines in one response`);
  };
  const unended = (): Attempt[] => [...attempts.values()].filter(({ ending }) => ending === undefined);
  const endOthers = (ending: Ending): void => {
    for (const attempt of unended()) end(attempt, ending);
  };

  const delivers = (delivery: Delivery, deliver: () => Promise<Receipt>): Promise<Receipt> => {
    const { options } = delivery;
    const place = [options.path, options.name].filter((part) => part !== '').join('/');
    const entry = entries.find(({ name }) => place === (path === '' ? name : `${path}/${name}`));
    if (entry === undefined) throw new Error(`no entry belongs in ${place}`);
    return request.inProcess(deliver, entry.actor);
  };

  const receive = async (response: Response): Promise<void> => {
    if (response.status !== 200) {
      endOthers({ kind: 'error', error: errorOf((await response.json()) as Problem) });
      return;
    }
    let summary: ArchiveSummary | undefined;
    for await (const line of linesOf(response)) {
      if ('summary' in line) {
        summary = line.summary;
        continue;
      }
      if (!('entry' in line)) {
        endOthers({ kind: 'error', error: errorOf(line) });
        return;
      }
      const attempt = attempts.get(line.entry);
      if (attempt === undefined) throw new Error(`a line is about ${line.entry}, which is not in the archive`);
      if ('code' in line) end(attempt, { kind: 'error', error: errorOf(line) });
      else {
        const { entry: _, ...receipt } = line;
        end(attempt, { kind: 'receipt', receipt });
      }
    }
    if (!isOver) checkSummary(world.facts, [...attempts.values()], summary);
  };

  const query = new URLSearchParams({ unpack: 'zip', onConflict: spec.rule, ...(path === '' ? {} : { path }) });
  const { time, courier, onCaller } = request;
  const sent = { ...time, ...keySentBy(spec), caller: callerOf(spec), target: `/v1/files?${query}` };
  const answered = request.inProcess(() => courier.unpack({ ...sent, body: archiveOf(entries), delivers }));
  await Promise.race([onCaller(async () => receive(await answered)), request.gone]);
  endOthers({ kind: 'gone' });
  isOver = true;
  return [...attempts.values()].map(({ ending }) => ending ?? { kind: 'gone' });
};
