import { expect } from '@jest/globals';
import { type LocalGoogle, startLocalGoogle } from '../../../local/google/server.ts';

/** A local Google that a program tests, and that validates the program's requests in turn. */
interface JudgedGoogle extends LocalGoogle {
  /**
   * Ends the validation: every response matched Google's discovery document, and no request was rejected as unknown,
   * invalid, incomplete or not implemented, except the ones listed here, each as `404 GET
   * www.googleapis.com/drive/v3/files/{id}`.
   */
  judge(expected?: readonly string[]): Promise<void>;
}

/** The codes for invalid requests and for missing or unimplemented resources. */
const TELLING = [0, 400, 404, 405, 411, 413, 416, 500, 501];

/** Ids differ between runs. */
const withoutIds = (path: string): string =>
  path
    .replace(/\/(files|drives|permissions|revisions|developerMetadata)\/(?!generateIds|trash)[^/]+/g, '/$1/{id}')
    .replace(/\/spreadsheets\/[^/:]+/, '/spreadsheets/{id}')
    .replace(/\/values\/[^/]+?(:append|:clear)?$/, '/values/{range}$1');

export const startJudgedGoogle = async (): Promise<JudgedGoogle> => {
  const google = await startLocalGoogle();
  return {
    ...google,
    async judge(expected = []) {
      const refused = google.calls
        .list()
        .filter(({ status }) => TELLING.includes(status))
        .map(({ status, method, host, path }) => `${status} ${method} ${host}${withoutIds(path)}`);
      const schemaViolations = [...google.drive.schemaViolations, ...google.sheets.schemaViolations];
      const calls = google.calls.count();
      await google.close();
      expect(schemaViolations).toEqual([]);
      expect([...new Set(refused)].sort()).toEqual([...expected].sort());
      // Without any request there would be nothing to validate.
      expect(calls).toBeGreaterThan(0);
    },
  };
};
