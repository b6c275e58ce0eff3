import { createServer } from 'node:http';
import { closedPort, type World } from '../visit.ts';
import { QUIET } from './expected.ts';

/**
 * A Firestore that authenticates the caller and denies access, in the error format of Google's REST APIs, on its own
 * port.
 */
const refusingFirestore = async (): Promise<string> => {
  const server = createServer((request, response) => {
    request.resume();
    const error = { code: 403, message: 'Missing or insufficient permissions.', status: 'PERMISSION_DENIED' };
    response.writeHead(403, { 'content-type': 'application/json' }).end(JSON.stringify({ error }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  server.unref();
  const address = server.address();
  return `127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
};

/** The ledger in Firestore. */
export const LEDGER_WORLDS: readonly World[] = [
  {
    name: 'the ledger does not answer',
    arrange: async (_, document) => {
      document.ledger = { firestore: { project: 'local-project' } };
      return { FIRESTORE_EMULATOR_HOST: await closedPort() };
    },
    finds: {
      ...QUIET,
      ledger: {
        result: 'failed',
        detail: /does not answer/,
        remedy: /gcloud firestore databases describe --database='\(default\)' --project=local-project/,
      },
    },
  },
  {
    name: 'the courier may not use the ledger',
    arrange: async (_, document) => {
      document.ledger = { firestore: { project: 'local-project' } };
      return { FIRESTORE_EMULATOR_HOST: await refusingFirestore() };
    },
    finds: {
      ...QUIET,
      ledger: {
        result: 'failed',
        remedy:
          /gcloud projects add-iam-policy-binding local-project --member=serviceAccount:runtime@\S+ --role=roles\/datastore\.user/,
      },
    },
  },
];
