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

  test('of single bytes is not collected either', async () => {
    const { transport } = await startTransport((_, response) => {
      const pieces = '1\r\na\r\n'.repeat(10_000);
      const { socket } = response;
      const write = (): void => {
        while (socket?.write(pieces) === true);
      };
      socket?.on('drain', write).write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
      write();
    });
    const before = process.memoryUsage().rss;
    await expect(transport.send({ ...GET, retry: 'once', attemptTimeoutMs: 30_000 })).rejects.toMatchObject({
      cause: { cause: { message: expect.stringMatching(/^the answer has more than/) } },
    });
    expect(process.memoryUsage().rss - before).toBeLessThan(400 * 1024 * 1024);
  }, 40_000);
});

test.each(['send', 'open'] as const)('%s: 101 is a failed attempt, and not awaited forever', async (way) => {
  const { transport } = await startTransport((_, response) => {
    response.socket?.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n');
  });
  await expect(transport[way]({ ...GET, retry: 'once', attemptTimeoutMs: 500 })).rejects.toMatchObject({
    code: 'google-unavailable',
  });
});
