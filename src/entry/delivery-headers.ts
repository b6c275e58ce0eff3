import { CourierError } from '../errors.ts';

/** Any other coding would make the stored bytes other than the caller's, or the receipt's hash other than the sent ones'. */
export const refuseCodings = (headers: Headers): void => {
  // Node takes the chunks apart, and leaves what else was done to the body as it is (RFC 9112, 6.1).
  const transfer = headers.get('transfer-encoding')?.trim().toLowerCase() ?? 'chunked';
  if (transfer !== 'chunked') {
    throw new CourierError('request-invalid', {
      detail: `Transfer-Encoding "${transfer.slice(0, 40)}" is not taken.`,
      remedy: 'Send the body as it is, with Content-Length or "Transfer-Encoding: chunked".',
    });
  }
  const encoding = headers.get('content-encoding')?.trim().toLowerCase() ?? 'identity';
  if (encoding !== 'identity') {
    throw new CourierError('media-type-unsupported', {
      detail: `Content-Encoding "${encoding.slice(0, 40)}" is not taken: the body is the file as it is to be kept.`,
      remedy: 'Send the body as it is, without Content-Encoding; a .gz file is sent as application/gzip.',
    });
  }
};

export const IDEMPOTENCY_KEY = /^[\x21-\x7e]{1,255}$/;

/** 1 to 255 visible ASCII characters. @throws CourierError `request-invalid` */
export const readIdempotencyKey = (headers: Headers): string | undefined => {
  const key = headers.get('idempotency-key') ?? undefined;
  if (key !== undefined && !IDEMPOTENCY_KEY.test(key)) {
    throw new CourierError('request-invalid', {
      detail: 'Idempotency-Key must be one header of 1 to 255 visible ASCII characters.',
    });
  }
  return key;
};
