import { CourierError, ERRORS, type ErrorCode } from '../../errors.ts';
import { problemOf } from '../problem.ts';
import { HEADERS_TOO_LARGE, headersTooLarge } from '../request/request-head.ts';
import { RATE_LIMIT, reference, type Schema } from './schemas.ts';

const CODES = Object.keys(ERRORS) as ErrorCode[];
const STATUSES = [...new Set(CODES.map((code) => ERRORS[code].status))];

/** The name of the response with all errors of a status. */
const errorResponseName = (status: number): string => `Error${status}`;

const exampleOf = (code: ErrorCode, status: number): object => ({
  ...problemOf(new CourierError(code), '4bf92f3577b34da6a3ce929d0e0e4736'),
  status,
});

/** The response for these error codes, with an example of each. */
const errorResponse = (status: number, codes: readonly ErrorCode[]): Schema => ({
  description: codes.map((code) => `\`${code}\`: ${ERRORS[code].title}.`).join('\n\n'),
  headers: {
    ...(codes.some((code) => ERRORS[code].retryable)
      ? { 'Retry-After': { schema: { type: 'integer' }, description: 'Seconds.' } }
      : {}),
    ...(status === 429 ? RATE_LIMIT : {}),
    ...(status === 401 ? { 'WWW-Authenticate': { schema: { type: 'string' } } } : {}),
  },
  content: {
    'application/problem+json': {
      schema: {
        allOf: [
          reference('Problem'),
          {
            type: 'object',
            properties: { status: { type: 'integer', const: status }, code: { type: 'string', enum: codes } },
          },
        ],
      },
      examples: Object.fromEntries(codes.map((code) => [code, { value: exampleOf(code, status) }])),
    },
  },
});

/** One response for each status in the error table, and one for headers that are too large. */
export const errorResponses = (): Record<string, Schema> => {
  const tabled = STATUSES.map((status): [string, Schema] => [
    errorResponseName(status),
    errorResponse(
      status,
      CODES.filter((code) => ERRORS[code].status === status),
    ),
  ]);
  const tooLarge = errorResponse(HEADERS_TOO_LARGE, [headersTooLarge().code]);
  return { ...Object.fromEntries(tabled), [errorResponseName(HEADERS_TOO_LARGE)]: tooLarge };
};

/** The possible responses to a delivery. */
export const DELIVERY_STATUSES = STATUSES.filter((status) => status !== 404);
/** The possible responses to any request that is rejected early. */
const EARLY_STATUSES = [400, 405, HEADERS_TOO_LARGE, 500];
/** The possible responses of every route with authentication. */
export const AUTHENTICATED_STATUSES = [...EARLY_STATUSES, 401, 403, 429, 502, 503];

/** The error responses with these statuses, and those of any request that is rejected early. */
export const errors = (statuses: readonly number[]): Record<string, Schema> =>
  Object.fromEntries(
    [...new Set([...statuses, ...EARLY_STATUSES])].map((status) => [
      String(status),
      { $ref: `#/components/responses/${errorResponseName(status)}` },
    ]),
  );
