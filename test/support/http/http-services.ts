import { createHash } from 'node:crypto';
import type { Caller, Delivery, Receipt } from '../../../src/domain.ts';
import { CourierError } from '../../../src/errors.ts';
import type { HttpDependencies } from '../../../src/http/dependencies.ts';
import { createKeptLog } from '../kept-log.ts';

/** A delivery as the services below the entry points received it. */
export interface Delivered {
  delivery: Delivery;
  bytes: Buffer;
}

const CALLER: Caller = { sub: '100000000000000000001', email: 'exporter@my-proj.iam.gserviceaccount.com' };

const receiptOf = ({ delivery: { options, source, idempotencyKey }, bytes }: Delivered): Receipt => ({
  id: 'file-1',
  name: options.name ?? '',
  mimeType: source.mimeType,
  size: bytes.byteLength,
  sha256: createHash('sha256').update(bytes).digest('hex'),
  md5: createHash('md5').update(bytes).digest('hex'),
  destination: options.destination ?? 'reports',
  path: options.path ?? '',
  folderId: 'folder-1',
  webViewLink: 'https://drive.google.com/file/d/file-1/view',
  outcome: 'created',
  createdTime: '2026-11-24T12:00:00.000Z',
  modifiedTime: '2026-11-24T12:00:00.000Z',
  caller: CALLER.email ?? CALLER.sub,
  idempotencyKey: idempotencyKey ?? null,
});

/** Stub services below the entry points: they read and record each delivery, and accept one token, "good". */
export const createEntryServices = (
  overrides: Partial<HttpDependencies> = {},
): HttpDependencies & { delivered: Delivered[]; log: ReturnType<typeof createKeptLog> } => {
  const delivered: Delivered[] = [];
  return {
    delivered,
    async authenticate(headers) {
      const token = headers.get('authorization');
      if (token === null) throw new CourierError('token-missing');
      if (token !== 'Bearer good') throw new CourierError('token-invalid');
      return CALLER;
    },
    async authenticatePush() {
      throw new CourierError('caller-not-allowed');
    },
    mayPush: () => undefined,
    eventGrant: { destinations: [], sources: [] },
    async openObject() {
      throw new CourierError('source-not-found');
    },
    async openQuery() {
      throw new CourierError('query-not-found');
    },
    async openPrefix() {
      throw new CourierError('source-not-found');
    },
    deadLetter: async () => false,
    publishAgain: async () => undefined,
    secretRotated: () => undefined,
    authorize: () => undefined,
    async deliver(delivery) {
      // As a destination that has no default.
      if (delivery.options.name === undefined) throw new CourierError('name-invalid', { detail: 'name is missing.' });
      const pieces: Uint8Array[] = [];
      for await (const piece of delivery.source.open()) {
        delivery.signal.throwIfAborted();
        // A chunk is valid only until the next one is requested.
        pieces.push(Buffer.from(piece));
      }
      const kept = { delivery, bytes: Buffer.concat(pieces) };
      const receipt = receiptOf(kept);
      if (delivery.expectedSha256 !== undefined && delivery.expectedSha256 !== receipt.sha256) {
        throw new CourierError('digest-mismatch');
      }
      delivered.push(kept);
      return receipt;
    },
    destinations: () => [{ name: 'reports', path: '', onConflict: 'new', convertTo: null, maxBytes: 5_000_000 }],
    async openUpload() {
      return {
        id: 'upload-1',
        uploadUrl: 'https://www.googleapis.com/upload/drive/v3/files?upload_id=secret',
        expiresTime: '2026-12-01T12:00:00.000Z',
        chunkGranularity: 262_144,
      };
    },
    async completeUpload() {
      throw new CourierError('upload-incomplete');
    },
    async doctor() {
      throw new CourierError('caller-not-allowed');
    },
    stopping: () => false,
    requestSeconds: 60,
    maxBodyBytes: undefined,
    version: '0.0.0-test',
    commit: 'c0ffee',
    ledgerKind: 'firestore',
    ready: async () => ({ ok: true, findings: [] }),
    concurrentUploads: 80,
    now: Date.now,
    ...overrides,
    log: createKeptLog(),
  };
};
