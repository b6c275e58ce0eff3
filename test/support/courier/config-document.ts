import { type Config, readConfig } from '../../../src/config/config.ts';
import { ConfigError } from '../../../src/config/faults.ts';

/** The smallest valid configuration with a key in Secret Manager. */
export const document = {
  audiences: ['https://courier.example'],
  destinations: {
    reports: { folder: '0AbCdEf', credentials: 'main', callers: ['Exporter@p.iam.gserviceaccount.com'] },
  },
  credentials: { main: { secret: 'projects/p/secrets/drive-key' } },
};
/** Reads that document with these changes. */
export const read = (change: object = {}, env: Record<string, string> = {}): Config =>
  readConfig({ COURIER_CONFIG: JSON.stringify({ ...document, ...change }), ...env });

export const faultsOf = (attempt: () => unknown): readonly string[] => {
  try {
    attempt();
  } catch (error) {
    if (error instanceof ConfigError) return error.faults;
    throw error;
  }
  return [];
};

export const messageOf = (attempt: () => unknown): string => {
  try {
    attempt();
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  return '';
};
