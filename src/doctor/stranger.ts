import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';

/** The head of an answer; whoever answers, nothing of its body is read. */
export interface Head {
  status: number;
  /** Lower-case names. */
  headers: Readonly<Record<string, string | readonly string[] | undefined>>;
}

/**
 * Asks as somebody on the internet would: without the transport, whose calls are Google's APIs', on a connection of its own,
 * following no redirect, and hanging up once the head of the answer is there.
 * @throws Error when there is none within `timeoutMs`.
 */
export const askAsStranger = (url: string, token: string | undefined, timeoutMs: number): Promise<Head> =>
  new Promise((resolve, reject) => {
    const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const request = (url.startsWith('https:') ? requestHttps : requestHttp)(url, {
      agent: false,
      headers: { accept: '*/*', 'user-agent': 'drive-courier-doctor', ...authorization },
    });
    const timer = setTimeout(
      () => request.destroy(Object.assign(new Error('no answer in time'), { code: 'ETIMEDOUT' })),
      timeoutMs,
    );
    request.once('close', () => {
      clearTimeout(timer);
      reject(new Error('closed without an answer'));
    });
    // Also what comes after the answer is there, when hanging up disturbs it.
    request.on('error', reject);
    request.once('response', (response) => {
      resolve({ status: response.statusCode ?? 0, headers: response.headers });
      response.destroy();
    });
    request.end();
  });

const encode = (part: object): string => Buffer.from(JSON.stringify(part)).toString('base64url');

/** What anybody can write: a token as it looks without its signature, of nobody, and long expired. */
export const forgedToken = (audience: string): string =>
  [
    encode({ alg: 'RS256', typ: 'JWT', kid: 'nobody' }),
    encode({ iss: 'https://accounts.google.com', aud: audience, sub: '0', iat: 0, exp: 1 }),
    'SIGNATURE_REMOVED_BY_GOOGLE',
  ].join('.');
