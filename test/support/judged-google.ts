import { expect } from '@jest/globals';
import { type LocalGoogle, startLocalGoogle } from '../../local/google/server.ts';

/** A local Google that a program is about to judge, and that judges the program's requests in turn. */
interface JudgedGoogle extends LocalGoogle {
  /**
   * Ends the judgement: every answer was what Google's discovery document says, and nothing was refused as unknown, wrong,
   * missing or not built, but what is named here, each as `404 GET www.googleapis.com/drive/v3/files/{id}`.
   */
  judge(expected?: readonly string[]): Promise<void>;
}

/** What refuses a request for its form, and what says that there is no such thing, or not here. */
const TELLING = [0, 400, 404, 405, 411, 413, 416, 500, 501];

/** Ids differ from run to run. */
const withoutIds = (path: string): string =>
  path.replace(/\/(files|drives|permissions|revisions)\/(?!generateIds|trash)[^/]+/g, '/$1/{id}');

export const startJudgedGoogle = async (): Promise<JudgedGoogle> => {
  const google = await startLocalGoogle();
  return {
    ...google,
    async judge(expected = []) {
      const refused = google.calls
        .list()
        .filter(({ status }) => TELLING.includes(status))
        .map(({ status, method, host, path }) => `${status} ${method} ${host}${withoutIds(path)}`);
      const { schemaViolations } = google.drive;
      const calls = google.calls.count();
      await google.close();
      expect(schemaViolations).toEqual([]);
      expect([...new Set(refused)].sort()).toEqual([...expected].sort());
      // A judge who was not there has seen nothing wrong either.
      expect(calls).toBeGreaterThan(0);
    },
  };
};
