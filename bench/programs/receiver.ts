import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Answers every delivery at once with a receipt, so that only the client is measured. */
export const startReceiver = async (): Promise<{ url: string; close(): Promise<void> }> => {
  let serial = 0;
  const server = createServer((request, response) => {
    const { searchParams } = new URL(request.url ?? '', 'http://receiver');
    const digest = /^sha-256=:(.+):$/.exec(String(request.headers['content-digest']))?.[1] ?? '';
    request.resume();
    request.on('end', () => {
      serial += 1;
      const receipt = {
        ...{ id: `id-${serial}`, name: searchParams.get('name'), mimeType: 'text/csv', md5: null },
        ...{ size: Number(request.headers['content-length']), sha256: Buffer.from(digest, 'base64').toString('hex') },
        ...{ destination: 'default', path: searchParams.get('path') ?? '', folderId: 'folder' },
        ...{ webViewLink: `https://drive.google.com/file/d/id-${serial}/view`, outcome: 'created' },
        ...{ createdTime: '2026-11-24T06:00:01.000Z', modifiedTime: '2026-11-24T06:00:01.000Z' },
        ...{ caller: 'exporter@local-project.iam.gserviceaccount.com' },
        idempotencyKey: request.headers['idempotency-key'] ?? null,
      };
      response.end(JSON.stringify(receipt));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
};
