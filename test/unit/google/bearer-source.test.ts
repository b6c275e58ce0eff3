import { Readable } from 'node:stream';
import { describe, expect, test } from '@jest/globals';
import { GET, type Handler, startTransport } from '../../support/courier/transport-world.ts';

describe('a bearer token source', () => {
  /** The tokens "t1", "t2" …: a new one once the last was rejected. */
  const tokens = (accepts: (token: string) => boolean) => {
    const rejected: string[] = [];
    const bearer = {
      token: async () => `t${rejected.length + 1}`,
      rejected: (token: string) => void rejected.push(token),
    };
    const handler: Handler = (request, response) => {
      const isKnown = accepts(request.headers.authorization ?? '');
      response.writeHead(isKnown ? 200 : 401).end(String(request.headers.authorization));
    };
    return { rejected, bearer, handler };
  };

  test('adds its token to requests', async () => {
    const { bearer, handler, rejected } = tokens(() => true);
    const { transport } = await startTransport(handler);
    const { status, body } = await transport.send({ ...GET, bearer });
    expect({ status, body: body.toString(), rejected }).toEqual({ status: 200, body: 'Bearer t1', rejected: [] });
  });

  test.each(['send', 'open'] as const)(
    'is notified of a rejected token and asked for another one (%s)',
    async (way) => {
      const { bearer, handler, rejected } = tokens((token) => token === 'Bearer t2');
      const { transport, seen } = await startTransport(handler);
      const answer = await transport[way]({ ...GET, bearer });
      if (answer.body instanceof Readable) answer.body.resume();
      expect({ status: answer.status, rejected, calls: seen.length }).toEqual({
        status: 200,
        rejected: ['t1'],
        calls: 2,
      });
    },
  );

  test('that is rejected twice returns the rejection', async () => {
    const { bearer, handler, rejected } = tokens(() => false);
    const { transport, seen } = await startTransport(handler);
    expect(await transport.send({ ...GET, bearer })).toMatchObject({ status: 401 });
    expect({ rejected, calls: seen.length }).toEqual({ rejected: ['t1'], calls: 2 });
  });

  test('that has no other token is asked once', async () => {
    const { bearer, handler } = tokens(() => false);
    const { transport, seen } = await startTransport(handler);
    expect(await transport.send({ ...GET, bearer: { token: bearer.token } })).toMatchObject({ status: 401 });
    expect(seen).toHaveLength(1);
  });
});
