import { AsyncLocalStorage } from 'node:async_hooks';
import { randomBytes } from 'node:crypto';
import { type Logger, pino } from 'pino';
import { CourierError } from './errors.ts';
import { prettyLine } from './log-pretty.ts';
import { redact } from './redact.ts';

/** Cloud Logging's severities (https://cloud.google.com/logging/docs/reference/v2/rest/v2/LogEntry#LogSeverity). */
const SEVERITY: Readonly<Record<string, string>> = {
  trace: 'DEBUG',
  debug: 'DEBUG',
  info: 'INFO',
  warn: 'WARNING',
  error: 'ERROR',
  fatal: 'CRITICAL',
};

/** In characters. When more is buffered, it is written immediately. */
const MAX_BUFFERED_CHARACTERS = 8_192;

type Fields = Readonly<Record<string, unknown>>;

/** One JSON line per event, in the format of Cloud Logging (https://cloud.google.com/logging/docs/structured-logging). */
export interface Log {
  debug(fields: Fields, message: string): void;
  info(fields: Fields, message: string): void;
  warn(fields: Fields, message: string): void;
  error(fields: Fields, message: string): void;
  child(fields: Fields): Log;
}

/** The service that reports the errors, for Error Reporting. */
export interface ServiceContext {
  service: string;
  version?: string;
}

/** The fields of the running request as members of a JSON object, each with a comma in front: `,"name":"value"`. */
const contextMembers = new AsyncLocalStorage<string>();

/**
 * Runs work whose log lines all contain these fields, such as the trace of the request. A line that sets one of them
 * itself would contain the key twice.
 */
export const withFields = <Result>(fields: Fields, work: () => Result): Result => {
  const members = JSON.stringify(fields).slice(1, -1);
  return contextMembers.run(members === '' ? '' : `,${members}`, work);
};

interface Link {
  name: string;
  message: string;
  code?: string;
  stack?: string;
}

const chainOf = (error: unknown): Error[] => {
  const chain: Error[] = [];
  for (let link = error; link instanceof Error && chain.length < 8; link = link.cause) chain.push(link);
  return chain;
};

/** True for an error with a code other than `internal`, which means a bug in the courier. */
const isExpected = (error: unknown): boolean => error instanceof CourierError && error.code !== 'internal';

/** The chain of causes, outermost first. Other properties are left out, because a library's error contains the whole request with its token. */
const causes = (error: unknown): Link[] => {
  const chain = chainOf(error);
  const isOwnFault = !isExpected(error);
  return chain.map((link, depth) => {
    const code = 'code' in link && typeof link.code === 'string' ? { code: link.code } : {};
    // Only the root's stack is useful, and only for errors that were not expected.
    const hasUsefulStack = isOwnFault && depth === chain.length - 1;
    const stack = hasUsefulStack && link.stack !== undefined ? { stack: redact(link.stack) } : {};
    return { name: link.name, message: redact(link.message).slice(0, 500), ...code, ...stack };
  });
};

/** https://cloud.google.com/error-reporting/docs/formatting-error-messages */
const REPORTED = 'type.googleapis.com/google.devtools.clouderrorreporting.v1beta1.ReportedErrorEvent';

/**
 * The fields that make an ERROR line an event of Error Reporting. Unexpected errors are grouped by the stack of their root; others
 * by their message, which contains the code, because their stack only shows where Google's answer was parsed.
 */
const reported = (error: unknown, serviceContext: ServiceContext): object => {
  const root = chainOf(error).at(-1);
  const stack = root?.stack === undefined || isExpected(error) ? {} : { stack_trace: redact(root.stack) };
  return { '@type': REPORTED, serviceContext, ...stack };
};

/** Ids that order the lines of one millisecond, and let Cloud Logging drop lines that its agent sends twice. */
const createInsertIds = (): (() => string) => {
  const process = randomBytes(8).toString('hex');
  let count = 0;
  return () => `${process}-${(count++).toString(36).padStart(8, '0')}`;
};

/** Formats times as ISO 8601. Only the milliseconds are formatted for each line; the rest is kept until the second changes. */
const createIsoTime = (): ((timeMs: number) => string) => {
  let secondMs = Number.NaN;
  let prefix = '';
  return (timeMs) => {
    const milliseconds = timeMs % 1_000;
    if (timeMs - milliseconds !== secondMs) {
      secondMs = timeMs - milliseconds;
      prefix = new Date(secondMs).toISOString().slice(0, -4);
    }
    return `${prefix}${String(milliseconds).padStart(3, '0')}Z`;
  };
};

/** Adds the fields of Error Reporting to the lines of severity ERROR that have an error. */
class ReportingLog implements Log {
  readonly #log: Logger;
  readonly #serviceContext: ServiceContext;

  constructor(log: Logger, serviceContext: ServiceContext) {
    this.#log = log;
    this.#serviceContext = serviceContext;
  }

  debug(fields: Fields, message: string): void {
    this.#log.debug(fields, message);
  }

  info(fields: Fields, message: string): void {
    this.#log.info(fields, message);
  }

  warn(fields: Fields, message: string): void {
    this.#log.warn(fields, message);
  }

  error(fields: Fields, message: string): void {
    const event = 'error' in fields ? reported(fields.error, this.#serviceContext) : {};
    this.#log.error({ ...event, ...fields }, message);
  }

  child(fields: Fields): Log {
    return new ReportingLog(this.#log.child(fields), this.#serviceContext);
  }
}

/**
 * Writes to standard output. Lines of one turn of the event loop share one write, because a write costs more than the
 * rest of a line. Buffered lines are also written when the process exits. If the reader of the pipe has closed it,
 * pino's destination drops them. On a terminal, lines are formatted for people; otherwise they are JSON.
 */
const createOutput = (): { write(line: string): void } => {
  const { stdout } = process;
  const output = pino.destination({ fd: stdout.fd, sync: true });
  let buffered = '';
  const flush = (): void => {
    const lines = buffered;
    buffered = '';
    // pino's own buffer is not used, because its flushSync retries endlessly after the reader has closed the pipe.
    if (lines !== '') output.write(lines);
  };
  process.on('exit', flush);
  const format = stdout.isTTY ? (line: string): string => prettyLine(line, stdout.hasColors()) : undefined;
  return {
    write(line) {
      if (buffered === '') setImmediate(flush);
      buffered += format === undefined ? line : format(line);
      if (buffered.length >= MAX_BUFFERED_CHARACTERS) flush();
    },
  };
};

/**
 * Creates the log. Lines are written to standard output unless a destination is given. Secrets are removed from every whole line
 * before it is written.
 * @param level one of pino's levels or `silent`
 */
export const createLog = (
  level: string,
  destination?: { write(line: string): void },
  serviceContext: ServiceContext = { service: 'drive-courier' },
): Log => {
  const nextInsertId = createInsertIds();
  const isoTime = createIsoTime();
  const options = {
    level,
    base: null,
    messageKey: 'message',
    // Text rather than a mixin, for which pino copies all fields of a line into a new object.
    timestamp: () =>
      `,"time":"${isoTime(Date.now())}","logging.googleapis.com/insertId":"${nextInsertId()}"${contextMembers.getStore() ?? ''}`,
    formatters: { level: (label: string) => ({ severity: SEVERITY[label] ?? 'DEFAULT' }) },
    serializers: { error: causes },
    hooks: { streamWrite: redact },
  };
  return new ReportingLog(pino(options, destination ?? createOutput()), serviceContext);
};
