import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';

const MAIN = fileURLToPath(new URL('../../local/google/main.ts', import.meta.url));

const announcement = z.object({
  origin: z.string(),
  metadataHost: z.string(),
  keyFile: z.string(),
  callerKeyFile: z.string(),
  places: z.object({ sharedDriveFolder: z.string() }),
});

const stored = z.object({
  id: z.string(),
  name: z.string(),
  mimeType: z.string(),
  parents: z.array(z.string()),
  sha256: z.string().optional(),
  trashed: z.boolean(),
});
const activeRules = z.object({ rules: z.array(z.object({ fired: z.number() })) });

export type StoredFile = z.infer<typeof stored>;

export interface GoogleProcess extends z.infer<typeof announcement> {
  addFaults(plan: object): Promise<void>;
  /** Stops all faults. Returns the number of requests that had one. */
  clearFaults(): Promise<number>;
  /** Removes the quota, since counting all files is not realistic traffic. */
  liftQuota(): Promise<void>;
  /** Everything below the folder that is not in the trash. */
  files(folder: string): Promise<StoredFile[]>;
  /** The rows of the first tab of a spreadsheet, from the first one. */
  rows(spreadsheetId: string): Promise<unknown[][]>;
  idToken(email: string, audience: string): Promise<string>;
  /** The stored bytes as the API returns them. */
  download(id: string): Promise<Buffer>;
  close(): Promise<void>;
}

const emailIn = async (keyFile: string): Promise<string> =>
  z.object({ client_email: z.string() }).parse(JSON.parse(await readFile(keyFile, 'utf8'))).client_email;

/**
 * A local Google as a separate process, with a data folder that is removed with it.
 * @param isMember false: the destination folder is in a shared drive that the courier's account is not a member of
 */
export const startGoogleProcess = async ({
  isMember = true,
} = {}): Promise<GoogleProcess & { callerEmail: string }> => {
  const dataDir = mkdtempSync(join(tmpdir(), 'chaos-google-'));
  const child = spawn(process.execPath, [MAIN, '--port', '0', '--data', dataDir], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  const close = async (): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
    await exited;
    rmSync(dataDir, { recursive: true, force: true });
  };
  const line = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout }).once('line', resolve);
    child.once('exit', (code) => reject(new Error(`the local Google ended with ${code}`)));
  });
  const announced = announcement.parse(JSON.parse(line));
  const { origin } = announced;

  const call = async (method: string, path: string, body?: object): Promise<unknown> => {
    const init = body === undefined ? {} : { body: JSON.stringify(body) };
    const response = await fetch(`${origin}${path}`, { method, ...init });
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
    return response.json();
  };

  const callerEmail = await emailIn(announced.callerKeyFile);
  const courierEmail = await emailIn(announced.keyFile);
  let bearer: string | undefined;

  const createForeignFolder = async (): Promise<string> => {
    const make = async (verb: string, body: object) =>
      z.object({ id: z.string() }).parse(await call('POST', `/_admin/${verb}`, body)).id;
    const members = [{ email: 'admin@partners.example', role: 'organizer' }];
    const parent = await make('createSharedDrive', { name: 'Partners', members });
    const folder = await make('createFolder', { name: 'Incoming', parent });
    await call('POST', '/_admin/share', { fileId: folder, email: courierEmail, role: 'fileOrganizer' });
    return folder;
  };
  const places = isMember ? announced.places : { sharedDriveFolder: await createForeignFolder() };

  return {
    ...announced,
    places,
    callerEmail,
    async addFaults(plan) {
      await call('POST', '/_faults', plan);
    },
    async clearFaults() {
      const { rules } = activeRules.parse(await call('GET', '/_faults'));
      await call('DELETE', '/_faults');
      return rules.reduce((sum, { fired }) => sum + fired, 0);
    },
    async liftQuota() {
      const units = 1_000_000_000;
      await call('POST', '/_admin/setLimits', { unitsPerMinutePerUser: units, unitsPerMinutePerProject: units });
    },
    async files(folder) {
      const { files } = (await call('POST', '/_admin/files', { folder, deep: true })) as { files: unknown };
      return z
        .array(stored)
        .parse(files)
        .filter(({ trashed }) => !trashed);
    },
    async rows(spreadsheetId) {
      const { tabs } = (await call('POST', '/_admin/spreadsheet', { spreadsheetId })) as {
        tabs: { rows: unknown[][] }[];
      };
      return tabs[0]?.rows ?? [];
    },
    async idToken(email, audience) {
      const { token } = (await call('POST', '/_admin/idToken', { email, audience })) as { token: string };
      return token;
    },
    async download(id) {
      const scopes = ['https://www.googleapis.com/auth/drive'];
      bearer ??= ((await call('POST', '/_admin/accessToken', { email: courierEmail, scopes })) as { token: string })
        .token;
      const url = `${origin}/www.googleapis.com/drive/v3/files/${id}?alt=media&supportsAllDrives=true`;
      const response = await fetch(url, { headers: { authorization: `Bearer ${bearer}` } });
      if (!response.ok) throw new Error(`download of ${id}: ${response.status}`);
      return Buffer.from(await response.arrayBuffer());
    },
    close,
  };
};
