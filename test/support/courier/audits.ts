import { setTimeout as sleep } from 'node:timers/promises';

/** The fields of a delivery's audit line that tests check. */
interface AuditLine {
  outcome: string;
  code?: string;
  name: string | null;
  sha256?: string | null;
  fileId?: string;
  folderId?: string;
  warnings?: string[];
}

const MAX_WAIT_MS = 20_000;

/** The audit lines of the deliveries with one name that a courier has printed so far, oldest first. */
const auditsOf = (lines: readonly string[], name: string): AuditLine[] =>
  lines
    .filter((line) => line.includes('"audit":{'))
    .map((line) => (JSON.parse(line) as { audit: AuditLine }).audit)
    .filter((audit) => audit.name === name);

/** Waits for this many lines: a line reaches the reader shortly after the response of its delivery. */
export const waitForAudits = async (lines: readonly string[], name: string, count: number): Promise<AuditLine[]> => {
  for (const endMs = Date.now() + MAX_WAIT_MS; ; await sleep(20)) {
    const audits = auditsOf(lines, name);
    if (audits.length >= count) return audits;
    if (Date.now() > endMs) throw new Error(`${audits.length} of ${count} audit lines of "${name}"`);
  }
};
