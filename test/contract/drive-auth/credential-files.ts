import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { LocalGoogle } from '../../../local/google/server.ts';
import type { Credential } from './harness.ts';

/** A credential that Google or the courier refuses, and how the refusal is reported. */
export interface RefusalCase {
  what: string;
  credential: () => Credential | Promise<Credential>;
  code: string;
  reason: string;
  /** The wrong field of the document. */
  detail?: string;
  remedy: string;
  /** Restores the original state. */
  after?: () => void;
}

/** Writes damaged credentials files, from the ones of a local Google. */
export const createCredentialFiles = (google: () => LocalGoogle) => {
  const path = (name: string): string => google().world.keyFiles[name] ?? '';
  const contentOf = (name: string) => JSON.parse(readFileSync(path(name), 'utf8')) as Record<string, unknown>;
  let count = 0;
  const written = (content: unknown): string => {
    const file = join(google().dataDir, `bad-${++count}.json`);
    writeFileSync(file, JSON.stringify(content));
    return file;
  };
  const damaged = (name: string, change: object): Credential => ({ file: written({ ...contentOf(name), ...change }) });
  return { path, contentOf, written, damaged };
};
