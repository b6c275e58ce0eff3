import { describe, expect, test } from '@jest/globals';
import { GET, type Handler, startTransport } from '../../support/courier/transport-world.ts';

describe('an answer without end', () => {
  const endless =
    (status: number): Handler =>
    (_, response) => {
      const piece = Buffer.alloc(1_048_576, ' ');
      const write = (): void => {
        while (response.write(piece));
      };
      response.writeHead(status).on('drain', write);
      write();
    };

  test.each([
    ['send', 200],
    ['send', 404],
    ['send', 500],
    ['open', 404],
    ['open', 500],
  ] as const)(
    '%s, status %d: is not collected in memory',
    async (way, status) => {
      const { transport } = await startTransport(endless(status));
      await expect(transport[way]({ ...GET, retry: 'once', attemptTimeoutMs: 30_000 })).rejects.toMatchObject({
        code: 'google-unavailable',
        cause: { cause: { message: expect.stringMatching(/^the answer has more than \d+ bytes$/) } },
      });
    },
    20_000,
  );
});
