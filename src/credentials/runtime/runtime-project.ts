import { CourierError } from '../../errors.ts';
import type { GoogleTransport } from '../../google/transport.ts';
import { createLibraryOptions, loadMetadataServer } from '../google-library.ts';

interface ProjectOptions {
  transport: Pick<GoogleTransport, 'fetch'>;
  /** True where the identity is known to be the platform's: the metadata server is asked directly, and gcloud is not started. */
  isPlatforms: boolean;
}

const findProject = async ({ transport, isPlatforms }: ProjectOptions): Promise<string> => {
  if (isPlatforms) return String(await (await loadMetadataServer(transport)).project('project-id'));
  const { GoogleAuth } = await import('google-auth-library');
  return new GoogleAuth({ clientOptions: await createLibraryOptions(transport) }).getProjectId();
};

/**
 * The project in which the courier runs, found as Google's libraries find it: in the key file, from gcloud, or from the metadata
 * server. It is looked up once; after a failure it is looked up again.
 * @throws CourierError `google-unavailable`
 */
export const createRuntimeProject = (options: ProjectOptions): (() => Promise<string>) => {
  let found: Promise<string> | undefined;

  const find = async (): Promise<string> => {
    try {
      return await findProject(options);
    } catch (cause) {
      throw new CourierError('google-unavailable', {
        detail: 'The project of the courier is unknown.',
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
