import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';

/** The status and headers of an answer. Its body is not read. */
export interface Head {
  status: number;
  /** Lower-case names. */
  headers: Readonly<Record<string, string | readonly string[] | undefined>>;
}

/**
 * Sends a request as anybody on the internet can: not through the transport, which is for Google's APIs, but on a new
 * connection that follows no redirect and is closed once the headers have arrived.
 * @throws Error if there is no answer within `timeoutMs`.
 */
export const requestAnonymously = (url: string, token: string | undefined, timeoutMs: number): Promise<Head> =>
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
    // Also for errors after the answer, when closing the connection causes them.
    request.on('error', reject);
    request.once('response', (response) => {
      resolve({ status: response.statusCode ?? 0, headers: response.headers });
      response.destroy();
    });
    request.end();
  });

const encode = (part: object): string => Buffer.from(JSON.stringify(part)).toString('base64url');

/** A token that anybody can forge: without a signature, for no account, and expired. */
export const forgedToken = (audience: string): string =>
  [
    encode({ alg: 'RS256', typ: 'JWT', kid: 'nobody' }),
    encode({ iss: 'https://accounts.google.com', aud: audience, sub: '0', iat: 0, exp: 1 }),
    'SIGNATURE_REMOVED_BY_GOOGLE',
  ].join('.');
