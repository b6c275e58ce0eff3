import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect } from '@jest/globals';
import type { CourierProcess } from '../../../local/courier-process.ts';
import { type LocalGoogle, startLocalGoogle } from '../../../local/google/server.ts';
import type { Receipt } from '../../../src/client/index.ts';
import { exporterEnvironment, type RunOptions, runCourier } from '../../support/client/client-process.ts';
import { AUDIENCE, startCourierIn } from '../../support/courier/courier-in-world.ts';

export const MEBIBYTE = 1024 * 1024;

/** What the command prints with --json when it fails. */
export interface Problem {
  error: {
    code: string;
    exitCode: number;
    retryable: boolean;
    remedy: string;
    detail?: string;
    idempotencyKey?: string;
  };
}

/** A courier and a local Google for all tests of the file that calls this, and the command that talks to them. */
export const createClientWorld = () => {
  let google: LocalGoogle;
  let courier: CourierProcess;
  let folder: string;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'courier-client-'));
    google = await startLocalGoogle();
    const { emails, secret } = google.world;
    const callers = [emails.exporter];
    const place = { folder: google.places.sharedDrive, credentials: 'main' };
    courier = await startCourierIn(google, {
      config: {
        operators: [emails.exporter],
        destinations: {
          default: { ...place, callers, path: 'inbox' },
          sheets: { ...place, callers, convertTo: 'sheet' },
          once: { ...place, callers, onConflict: 'skip' },
          locked: { ...place, callers, readOnly: true },
          small: { ...place, callers, maxBytes: 1_000 },
          broken: { ...place, folder: google.places.unsharedFolder, callers },
          others: { ...place, callers: [emails.alice] },
        },
        credentials: { main: { secret: `${secret}/versions/latest` } },
      },
    });
  }, 60_000);
  afterAll(async () => {
    await courier?.stop();
    await google?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const run = (args: readonly string[], options: RunOptions = {}) =>
    runCourier(args, {
      ...options,
      env: { ...exporterEnvironment(google, folder), COURIER_URL: courier.url, ...options.env },
    });
  /** Sets the audience, because it differs from the address that this courier listens on. */
  const call = (args: readonly string[], options: RunOptions = {}) => run(['--audience', AUDIENCE, ...args], options);
  const json = async <T = Receipt>(
    args: readonly string[],
    options: RunOptions = {},
  ): Promise<{ code: number | null; value: T }> => {
    const { code, stdout } = await call(['--json', ...args], options);
    expect(stdout.trimEnd()).not.toContain('\n');
    return { code, value: JSON.parse(stdout) as T };
  };

  const stored = (id: string) => google.drive.files().find((file) => file.id === id);
  const named = (name: string) => google.drive.files().filter((file) => file.name === name);
  const written = (name: string, bytes: Uint8Array | string): string => {
    const path = join(folder, name);
    writeFileSync(path, bytes);
    return path;
  };
  /** The upload sessions that the client keeps, to resume them. */
  const cachedSessions = (): string[] => {
    try {
      return readdirSync(join(folder, 'drive-courier', 'sessions'));
    } catch {
      return [];
    }
  };

  return {
    google: () => google,
    courier: () => courier,
    folder: () => folder,
    ...{ run, call, json, stored, named, written, cachedSessions },
  };
};
