import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach } from '@jest/globals';
import {
  CourierClientError,
  type FileFailure,
  type FileReceipt,
  type SendAllInput,
  type SendAllOptions,
} from '../../../../src/client/index.ts';
import { startTinyCourier } from '../../../support/courier/tiny-courier.ts';
import { createListening } from '../../../support/network/listening.ts';

/** The result of one call of sendAll. */
export interface Run {
  receipts: FileReceipt[];
  failures: FileFailure[];
  error: CourierClientError | undefined;
}

/** A new folder and a new courier for each test of the file that calls this. */
export const createSendAllWorld = () => {
  const listening = createListening();
  let folder: string;
  let courier: Awaited<ReturnType<typeof startTinyCourier>>;
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'courier-many-'));
    courier = await startTinyCourier(listening);
  });
  afterEach(() => {
    listening.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** Long ago, so that its time of change can be trusted. */
  const YESTERDAY = new Date(Date.now() - 86_400_000);
  const write = (path: string, content: string, changed = YESTERDAY): string => {
    const whole = join(folder, path);
    mkdirSync(dirname(whole), { recursive: true });
    writeFileSync(whole, content);
    utimesSync(whole, changed, changed);
    return whole;
  };
  const writeAll = (...paths: string[]): void => {
    for (const path of paths) write(path, `content of ${path}`);
  };
  const inFolder = (path: string): string => join(folder, path);

  const run = async (
    inputs: SendAllInput | Iterable<SendAllInput> | AsyncIterable<SendAllInput>,
    options: SendAllOptions = {},
    client = courier.client(),
  ): Promise<Run> => {
    const receipts: FileReceipt[] = [];
    const failures: FileFailure[] = [];
    try {
      const all = client.sendAll(inputs, { onFailure: (failed) => failures.push(failed), ...options });
      for await (const receipt of all) receipts.push(receipt);
    } catch (error) {
      if (!(error instanceof CourierClientError)) throw error;
      return { receipts, failures, error };
    }
    return { receipts, failures, error: undefined };
  };
  const changes = ({ receipts }: Run): Record<string, string> =>
    Object.fromEntries(receipts.map(({ file, change }) => [file.slice(folder.length + 1), change]));
  const codes = ({ failures }: Run): Record<string, string> =>
    Object.fromEntries(failures.map(({ file, error }) => [file.slice(folder.length + 1), error.code]));

  return { folder: () => folder, courier: () => courier, write, writeAll, inFolder, run, changes, codes };
};
