import { once } from 'node:events';
import { Agent, createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { getRequestListener } from '@hono/node-server';
import { afterAll, describe, expect, test } from '@jest/globals';
import { readConfig } from '../../../src/config/config.ts';
import { asCourierError } from '../../../src/errors.ts';
import { createAuthenticator } from '../../../src/identity/authenticate.ts';
import type { Attempt } from '../../support/tokens/forged/forge.ts';
import { createForger } from '../../support/tokens/forged-tokens.ts';
import { startJwksServer } from '../../support/tokens/jwks-server.ts';
import { createKeptLog } from '../../support/kept-log.ts';
import { AUDIENCE, createSigner, NOON_SECONDS } from '../../support/tokens/token-signer.ts';

const google = createSigner('google-1');
const { neighbours, families } = createForger(google);
const jwks = await startJwksServer([google.publicJwk]);
const log = createKeptLog();
const noon = (): number => NOON_SECONDS * 1000;
const { authenticate, warmUp } = createAuthenticator(
  readConfig({
    COURIER_AUDIENCES: AUDIENCE,
    COURIER_CALLERS: 'domain:example.com',
    COURIER_FOLDER: '0AbCdEf',
    COURIER_KEY_FILE: '/nowhere',
    K_SERVICE: 'courier',
  }),
  { fetch: (_, init) => fetch(jwks.url, init), now: noon, wall: noon, log, isCloudRun: async () => true },
);
await warmUp();

/** A server that responds with the caller's identity. It converts headers as the courier's server does. */
const server = createServer(
  getRequestListener(async ({ headers }) => {
    try {
      return Response.json(await authenticate(headers));
    } catch (thrown) {
      const { status, code, title, detail, remedy } = asCourierError(thrown);
      return Response.json({ code, title, detail, remedy }, { status });
    }
  }),
);
server.listen(0, '127.0.0.1');
await once(server, 'listening');
const { port } = server.address() as AddressInfo;
const agent = new Agent({ keepAlive: true, maxSockets: 16 });
afterAll(async () => {
  agent.destroy();
  server.closeAllConnections();
  server.close();
  await jwks.close();
});

const send = async ({ headers }: Attempt): Promise<{ status: number; body: string }> => {
  const outgoing = request({ host: '127.0.0.1', port, agent, headers: ['Host', '127.0.0.1', ...headers.flat()] });
  outgoing.end();
  const [response] = await once(outgoing, 'response');
  return { status: response.statusCode, body: await text(response) };
};

const sendAll = async (attempts: Attempt[]) => {
  const answers: { name: string; status: number; body: string }[] = [];
  for (let at = 0; at < attempts.length; at += 64) {
    const batch = attempts.slice(at, at + 64);
    answers.push(
      ...(await Promise.all(batch.map(async (attempt) => ({ name: attempt.name, ...(await send(attempt)) })))),
    );
  }
  return answers;
};

/** No part of a token, a claim, a key or an address belongs in a response. */
const TOKEN_CONTENT =
  /eyJ|ceo@|exporter@|1137742|google-1|stranger|evil|127\.0\.0\.1|run\.app|jose|JW[SKT]|RS256|undefined/;

/** Only for a token that Google signed, the detail names the token's audience beside the expected ones. */
const withoutAudiences = (body: string): string => {
  const problem = JSON.parse(body) as Record<string, unknown>;
  return problem.code === 'token-audience' ? JSON.stringify({ ...problem, detail: '' }) : body;
};

let total = 0;
describe('forged tokens', () => {
  test.each(Object.entries(families))('%s: none accepted, every response generic', async (_, family) => {
    const attempts = family();
    const answers = await sendAll(attempts);
    total += attempts.length;
    expect(answers.filter(({ status }) => status !== 401)).toEqual([]);
    expect(answers.filter(({ body }) => TOKEN_CONTENT.test(withoutAudiences(body)))).toEqual([]);
    expect(new Set(answers.map(({ body }) => withoutAudiences(body))).size).toBeLessThanOrEqual(7);
  });

  test('number in the thousands and cost one fetch of Google’s keys', () => {
    expect(total).toBeGreaterThan(4000);
    expect(jwks.fetches).toBe(1);
    expect(log.lines).toEqual([]);
  });
});

test.each(neighbours().map((attempt) => [attempt.name, attempt] as const))(
  'a similar valid token is accepted: %s',
  async (_, attempt) => {
    const { status, body } = await send(attempt);
    expect({ status, body }).toMatchObject({ status: 200 });
    expect(JSON.parse(body).sub).toMatch(/^(113774264463038321964|s{255})$/);
  },
);
