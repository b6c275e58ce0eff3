import type { Log } from '../../src/log.ts';

/** A log that keeps its lines, so that a test can search them for what must not be there. */
export const createKeptLog = (): Log & { lines: string[] } => {
  const lines: string[] = [];
  const keep = (level: string) => (fields: object, message: string) => {
    const readable = Object.fromEntries(
      Object.entries(fields).map(([name, value]) => [name, value instanceof Error ? String(value) : value]),
    );
    lines.push(`${level} ${message} ${JSON.stringify(readable)}`);
  };
  const log = { lines, debug: keep('debug'), info: keep('info'), warn: keep('warn'), error: keep('error') };
  return { ...log, child: () => createKeptLog() };
};
