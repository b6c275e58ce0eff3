import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import { type ApiError, oauthError } from '../http/api-error.ts';
import type { WorldState } from '../world/state.ts';
import type { World } from '../world/world.ts';

const requestSchema = z.strictObject({
  url: z.string(),
  method: z.string(),
  headers: z.array(z.strictObject({ key: z.string(), value: z.string() })),
  body: z.string().optional(),
});
type SignedRequest = z.infer<typeof requestSchema>;
type AwsIdentity = WorldState['awsIdentities'][number];

/** AWS accepts a signed request for fifteen minutes. */
const SIGNED_MS = 15 * 60_000;

const invalid = (description: string): ApiError => oauthError('invalid_grant', description);
const awsSays = (code: string, message: string): ApiError =>
  invalid(`Received invalid AWS response of type ${code} with error message: ${message}`);

const parseRequest = (subjectToken: string): SignedRequest => {
  try {
    return requestSchema.parse(JSON.parse(decodeURIComponent(subjectToken)));
  } catch {
    throw invalid('Invalid format of AWS credentials.');
  }
};

const hmac = (key: string | Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest();
const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex');

/** Signature Version 4: https://docs.aws.amazon.com/IAM/latest/UserGuide/create-signed-request.html. */
const signatureOf = (
  { method, url, body = '' }: SignedRequest,
  headers: ReadonlyMap<string, string>,
  signedHeaders: string,
  { date, region, service, secret }: { date: string; region: string; service: string; secret: string },
): Buffer => {
  const { pathname, searchParams } = new URL(url);
  const query = [...searchParams].map((pair) => pair.map(encodeURIComponent).join('=')).sort();
  const lines = signedHeaders.split(';').map((name) => `${name}:${headers.get(name) ?? ''}\n`);
  const canonical = [method.toUpperCase(), pathname, query.join('&'), lines.join(''), signedHeaders, hashOf(body)].join(
    '\n',
  );
  const day = date.slice(0, 8);
  const scope = `${day}/${region}/${service}/aws4_request`;
  const toSign = ['AWS4-HMAC-SHA256', date, scope, hashOf(canonical)].join('\n');
  const key = hmac(hmac(hmac(hmac(`AWS4${secret}`, day), region), service), 'aws4_request');
  return hmac(key, toSign);
};

const AUTHORIZATION =
  /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/([^/]+)\/aws4_request, ?SignedHeaders=([a-z0-9;-]+), ?Signature=([0-9a-f]{64})$/;

const dateOf = (text: string): number =>
  Date.parse(text.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z'));

/**
 * Google forwards the request to AWS and trusts the answer. Here a table replaces AWS, and the signature is checked as
 * AWS does.
 */
const callAws = (
  world: World,
  signed: SignedRequest,
  headers: ReadonlyMap<string, string>,
  nowMs: number,
): AwsIdentity => {
  const [, accessKeyId, day, region = '', service = '', signedHeaders = '', signature = ''] =
    AUTHORIZATION.exec(headers.get('authorization') ?? '') ?? [];
  const identity = world.state.awsIdentities.find((each) => each.accessKeyId === accessKeyId);
  if (identity === undefined || identity.sessionToken !== headers.get('x-amz-security-token'))
    throw awsSays('InvalidClientTokenId', 'The security token included in the request is invalid.');
  const date = headers.get('x-amz-date') ?? '';
  if (!(Math.abs(nowMs - dateOf(date)) <= SIGNED_MS) || day !== date.slice(0, 8))
    throw awsSays('SignatureDoesNotMatch', `Signature expired: ${date} is now earlier than the server's time.`);
  const names = signedHeaders.split(';');
  const expected = signatureOf(signed, headers, signedHeaders, {
    date,
    region,
    service,
    secret: identity.secretAccessKey,
  });
  if (
    !['host', 'x-amz-date'].every((name) => names.includes(name)) ||
    !timingSafeEqual(expected, Buffer.from(signature, 'hex'))
  )
    throw awsSays(
      'SignatureDoesNotMatch',
      'The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method.',
    );
  return identity;
};

/** `arn:aws:sts::ACCOUNT:assumed-role/ROLE`, without the session; the pool's default mapping of `attribute.aws_role`. */
const roleOf = (arn: string): string => /^(.*:assumed-role\/[^/]+)\//.exec(arn)?.[1] ?? arn;

/** What `google.subject` and the attributes become. */
export interface Mapped {
  subject: string;
  attributes: Readonly<Record<string, string>>;
}

/**
 * The subject of a serialized `GetCallerIdentity` request.
 * Rules: https://cloud.google.com/iam/docs/workload-identity-federation-with-other-clouds#exchange-token
 * @throws ApiError 400
 */
export function awsSubject(world: World, subjectToken: string, audience: string, nowMs: number): Mapped {
  const signed = parseRequest(subjectToken);
  const headers = new Map(signed.headers.map(({ key, value }) => [key.toLowerCase(), value]));
  const missing = ['authorization', 'host', 'x-amz-date', 'x-goog-cloud-target-resource'].find(
    (name) => !headers.has(name),
  );
  if (missing !== undefined) throw invalid(`Invalid AWS request: the header ${missing} is missing.`);
  const isForSts =
    URL.canParse(signed.url) &&
    /^sts(\.[a-z0-9-]+)?\.amazonaws\.com$/.test(new URL(signed.url).hostname) &&
    new URL(signed.url).searchParams.get('Action') === 'GetCallerIdentity' &&
    headers.get('host') === new URL(signed.url).host;
  if (!isForSts || signed.method !== 'POST') throw invalid('Invalid AWS request: only GetCallerIdentity is allowed.');
  // Binds the request to one provider, so that it cannot be replayed to another.
  if (headers.get('x-goog-cloud-target-resource') !== audience)
    throw invalid('The x-goog-cloud-target-resource header does not match the audience of the request.');
  const { arn, account } = callAws(world, signed, headers, nowMs);
  return { subject: arn, attributes: { aws_role: roleOf(arn), account } };
}
