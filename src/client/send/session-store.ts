import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { uploadSchema } from '../schemas.ts';

const storedSchema = z.object({
  /** The Idempotency-Key that the session was opened with. */
  key: z.string(),
  /** Number of the session within this delivery, from 1; see `sendByUploadSession`. */
  round: z.int().positive(),
  upload: uploadSchema,
});
export type StoredSession = z.infer<typeof storedSchema>;

/** Upload sessions that outlive the process, one file for each, readable only by the user: the session's URL is a secret. */
export interface SessionStore {
  read(identity: string): Promise<StoredSession | undefined>;
  /** Never throws: without a writable cache folder the upload works, but cannot be resumed by another process. */
  save(identity: string, session: StoredSession): Promise<void>;
  remove(identity: string): Promise<void>;
}

/** Drive keeps a session for one week. */
const MAX_AGE_MS = 7 * 86_400_000;

/** The user's cache folder: https://specifications.freedesktop.org/basedir-spec/latest/ */
export const cacheFolder = (env: Readonly<Record<string, string | undefined>>, home: string): string =>
  join(env.XDG_CACHE_HOME?.startsWith('/') ? env.XDG_CACHE_HOME : join(home, '.cache'), 'drive-courier', 'sessions');

export const createSessionStore = (folder: string, now: () => number): SessionStore => {
  const pathOf = (identity: string): string =>
    join(folder, `${createHash('sha256').update(identity).digest('hex')}.json`);

  const removeExpired = async (): Promise<void> => {
    for (const name of await readdir(folder)) {
      const path = join(folder, name);
      const { mtimeMs } = await stat(path);
      if (now() - mtimeMs > MAX_AGE_MS) await rm(path, { force: true });
    }
  };

  return {
    async read(identity) {
      try {
        const stored = storedSchema.parse(JSON.parse(await readFile(pathOf(identity), 'utf8')));
        return Date.parse(stored.upload.expiresTime) > now() ? stored : undefined;
      } catch {
        return undefined;
      }
    },
    async save(identity, session) {
      try {
        await mkdir(folder, { recursive: true, mode: 0o700 });
        await removeExpired();
        const path = pathOf(identity);
        const draft = `${path}.${process.pid}`;
        await writeFile(draft, JSON.stringify(session), { mode: 0o600 });
        await rename(draft, path);
      } catch {}
    },
    async remove(identity) {
      await rm(pathOf(identity), { force: true }).catch(() => undefined);
    },
  };
};
