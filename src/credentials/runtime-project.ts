import { CourierError } from '../errors.ts';
import type { GoogleTransport } from '../google/transport.ts';
import { createLibraryOptions } from './access-token.ts';

/**
 * The project in which the courier runs, found as Google's libraries do: the key file's, gcloud's, or the metadata server's.
 * Asked for once; a failure is not remembered.
 * @throws CourierError `google-unavailable`
 */
export const createRuntimeProject = (transport: Pick<GoogleTransport, 'fetch'>): (() => Promise<string>) => {
  let found: Promise<string> | undefined;

  const find = async (): Promise<string> => {
    const { GoogleAuth } = await import('google-auth-library');
    try {
      return await new GoogleAuth({ clientOptions: await createLibraryOptions(transport) }).getProjectId();
    } catch (cause) {
      throw new CourierError('google-unavailable', {
        detail: 'The project of the courier is not known here.',
        remedy: 'Set GOOGLE_CLOUD_PROJECT, or "project" under "ledger.firestore".',
        cause,
      });
    }
  };

  return () => {
    found ??= find().catch((error: unknown) => {
      found = undefined;
      throw error;
    });
    return found;
  };
};
