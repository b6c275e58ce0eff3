import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { uploadSchema } from './schemas.ts';

const keptSchema = z.object({
  /** The Idempotency-Key that the session was opened with. */
  key: z.string(),
  /** Counts the sessions of this delivery; see `sendDirect`. */
  round: z.int().positive(),
  upload: uploadSchema,
});
export type KeptSession = z.infer<typeof keptSchema>;

/** Upload sessions that outlive the process, one file each, readable by their user alone: the session's address is a secret. */
export interface SessionStore {
  read(identity: string): Promise<KeptSession | undefined>;
  /** Never fails a delivery: a cache folder that cannot be written costs only the chance to go on later. */
  keep(identity: string, session: KeptSession): Promise<void>;
  forget(identity: string): Promise<void>;
}

/** A session of Drive's lives one week. */
const OLDEST_MS = 7 * 86_400_000;

/** Where a user's cache belongs: https://specifications.freedesktop.org/basedir-spec/latest/ */
export const cacheFolder = (env: Readonly<Record<string, string | undefined>>, home: string): string =>
  join(env.XDG_CACHE_HOME?.startsWith('/') ? env.XDG_CACHE_HOME : join(home, '.cache'), 'drive-courier', 'sessions');

export const createSessionStore = (folder: string, now: () => number): SessionStore => {
  const pathOf = (identity: string): string =>
    join(folder, `${createHash('sha256').update(identity).digest('hex')}.json`);

  const removeOld = async (): Promise<void> => {
    for (const name of await readdir(folder)) {
      const path = join(folder, name);
      const { mtimeMs } = await stat(path);
      if (now() - mtimeMs > OLDEST_MS) await rm(path, { force: true });
    }
  };

  return {
    async read(identity) {
      try {
        const kept = keptSchema.parse(JSON.parse(await readFile(pathOf(identity), 'utf8')));
        return Date.parse(kept.upload.expiresTime) > now() ? kept : undefined;
      } catch {
        return undefined;
      }
    },
    async keep(identity, session) {
      try {
        await mkdir(folder, { recursive: true, mode: 0o700 });
        await removeOld();
        const path = pathOf(identity);
        const draft = `${path}.${process.pid}`;
        await writeFile(draft, JSON.stringify(session), { mode: 0o600 });
        await rename(draft, path);
      } catch {}
    },
    async forget(identity) {
      await rm(pathOf(identity), { force: true }).catch(() => undefined);
    },
  };
};
