import { pino } from 'pino';

/** Cloud Logging's severities (https://cloud.google.com/logging/docs/reference/v2/rest/v2/LogEntry#LogSeverity). */
const SEVERITY: Readonly<Record<string, string>> = {
  trace: 'DEBUG',
  debug: 'DEBUG',
  info: 'INFO',
  warn: 'WARNING',
  error: 'ERROR',
  fatal: 'CRITICAL',
};

type Fields = Readonly<Record<string, unknown>>;

/** One JSON line an event, in the form that Cloud Logging reads. */
export interface Log {
  debug(fields: Fields, message: string): void;
  info(fields: Fields, message: string): void;
  warn(fields: Fields, message: string): void;
  error(fields: Fields, message: string): void;
  child(fields: Fields): Log;
}

/** What may look like a bearer token, a JWT, a private key or a session URI's secret, wherever it stands in a text. */
const SECRETS =
  /(ya29\.[\w.-]+|eyJ[\w-]+\.[\w-]+\.?[\w-]*|-----BEGIN[^-]*PRIVATE KEY-----[\s\S]*?(-----END[^-]*-----|$)|(?<=upload_id=)[\w-]+|(?<=[Bb]earer )[\w.~+/-]+=*|(?<=refresh_token["=: ]+)[\w/.-]+)/g;

/** The text without anything that looks like a secret. */
export const redact = (text: string): string => text.replace(SECRETS, '[redacted]');

interface Link {
  name: string;
  message: string;
  code?: string;
  stack?: string;
}

/** The chain of causes, outermost first, without payloads: a library's error carries the whole request, token and all. */
export const causes = (error: unknown): Link[] => {
  const chain: Link[] = [];
  for (let link = error; link instanceof Error && chain.length < 8; link = link.cause) {
    const code = 'code' in link && typeof link.code === 'string' ? { code: link.code } : {};
    const stack = chain.length === 0 && link.stack !== undefined ? { stack: redact(link.stack) } : {};
    chain.push({ name: link.name, message: redact(link.message).slice(0, 500), ...code, ...stack });
  }
  return chain;
};

/**
 * Makes the log. Lines go to standard output unless a destination is given.
 * @param level pino's levels and `silent`.
 */
export const createLog = (level: string, destination?: { write(line: string): void }): Log => {
  const options = {
    level,
    base: null,
    messageKey: 'message',
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    formatters: { level: (label: string) => ({ severity: SEVERITY[label] ?? 'DEFAULT' }) },
    serializers: { error: causes },
  };
  return destination === undefined ? pino(options) : pino(options, destination);
};
