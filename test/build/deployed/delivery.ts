import { createHash } from 'node:crypto';
import { expect } from '@jest/globals';
import type { CourierProcess } from '../../../local/courier-process.ts';
import type { LocalGoogle } from '../../../local/google/server.ts';

export const AUDIENCE = 'https://courier.example';
export const BYTES = Buffer.from('a,b\n1,2\n');
export const SHA256 = createHash('sha256').update(BYTES).digest('hex');

export const expectDelivered = async (response: Response, outcome = 'created'): Promise<{ id: string }> => {
  const body = (await response.json()) as { id: string };
  expect(body).toMatchObject({ outcome, sha256: SHA256, size: BYTES.length });
  expect(response.status).toBe(outcome === 'created' ? 201 : 200);
  return body;
};

/** Sends one small file to a deployed courier, and asks Drive for it. */
export const createDeliveries = (google: () => LocalGoogle) => {
  /** The platform's own identity, from the metadata server, reads the key from Secret Manager. */
  const environment = (more: Record<string, string> = {}): Record<string, string> => ({
    COURIER_GOOGLE_ORIGIN: google().origin,
    GCE_METADATA_HOST: google().metadataHost,
    COURIER_AUDIENCES: AUDIENCE,
    COURIER_CALLERS: google().world.emails.exporter,
    COURIER_FOLDER: google().places.sharedDrive,
    COURIER_SECRET: google().world.secret,
    ...more,
  });

  const send = async ({ url }: CourierProcess, name: string, key: string): Promise<Response> =>
    fetch(`${url}/v1/files?name=${name}`, {
      method: 'POST',
      body: BYTES,
      headers: {
        authorization: `Bearer ${google().world.idToken({ email: google().world.emails.exporter, audience: AUDIENCE })}`,
        'content-type': 'text/csv',
        'idempotency-key': key,
      },
    });

  /** The files of a name according to Drive itself. */
  const inDrive = async (name: string): Promise<unknown> => {
    const query = new URLSearchParams({
      q: `name = '${name}' and trashed = false`,
      fields: 'files(name,sha256Checksum)',
      supportsAllDrives: 'true',
      includeItemsFromAllDrives: 'true',
      corpora: 'allDrives',
    });
    const token = google().world.accessToken(google().world.emails.courier, ['https://www.googleapis.com/auth/drive']);
    const response = await fetch(`${google().origin}/www.googleapis.com/drive/v3/files?${query}`, {
      headers: { authorization: `Bearer ${token}` },
    });
    return ((await response.json()) as { files: unknown }).files;
  };

  return { environment, send, inDrive };
};
