import { types } from 'node:util';
import type { Exchange } from '../../http/http.ts';
import { networkErrorText } from '../../http/http.ts';
import { sizeText } from './sizes.ts';

/** Without the query of other hosts, which may hold the secret of an upload session; the courier's own queries hold none. */
const loggedUrl = (url: string | URL, courier: string | undefined): string => {
  const { origin, pathname, search } = new URL(url);
  if (search === '') return `${origin}${pathname}`;
  const isCourier = courier !== undefined && URL.canParse(courier) && new URL(courier).origin === origin;
  return `${origin}${pathname}${isCourier ? search : '?…'}`;
};

/**
 * Reports each request and its answer: method, URL, size, idempotency key, status, time and request ID. Other headers and
 * bodies are never reported, because they hold tokens.
 * @param courier URL of the courier
 * @param now epoch milliseconds
 */
export const verboseExchange =
  (exchange: Exchange, report: (line: string) => void, courier: string | undefined, now: () => number): Exchange =>
  async (request) => {
    const { method, url, headers = {}, body } = request;
    const length = types.isUint8Array(body) ? body.byteLength : Number(headers['content-length'] ?? Number.NaN);
    const facts = [
      ...(length > 0 ? [sizeText(length)] : []),
      ...(headers['idempotency-key'] === undefined ? [] : [`Idempotency-Key ${headers['idempotency-key']}`]),
      ...(headers['content-range'] === undefined ? [] : [headers['content-range']]),
    ];
    report(`> ${method} ${loggedUrl(url, courier)}${facts.length === 0 ? '' : ` (${facts.join(', ')})`}`);
    const startedMs = now();
    try {
      const answer = await exchange(request);
      const id = answer.headers['x-request-id'];
      report(`< HTTP ${answer.status} after ${now() - startedMs} ms${id === undefined ? '' : `, request ${id}`}`);
      return answer;
    } catch (error) {
      report(`< ${networkErrorText(error)} after ${now() - startedMs} ms`);
      throw error;
    }
  };
