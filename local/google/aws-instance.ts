import { randomBytes } from 'node:crypto';
import type { GoogleCall } from './google-service.ts';
import { sendJson, sendText } from './http/answers.ts';
import { AWS } from './world/names.ts';

/** The path on this server that replaces the link-local addresses of an AWS instance or container. */
export const AWS_PATH = '/_aws';

const REGION = 'eu-central-1';
const LIFE_MS = 6 * 3_600_000;

const credentialsAt = (nowMs: number): Record<string, string> => ({
  Code: 'Success',
  Type: 'AWS-HMAC',
  LastUpdated: new Date(nowMs).toISOString(),
  AccessKeyId: AWS.accessKeyId,
  SecretAccessKey: AWS.secretAccessKey,
  Token: AWS.sessionToken,
  Expiration: new Date(nowMs + LIFE_MS).toISOString(),
});

/**
 * The AWS metadata that callers on AWS need to authenticate to Google: IMDSv2
 * (https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/configuring-instance-metadata-service.html) with required
 * session tokens, and the container credentials of ECS and EKS (`AWS_CONTAINER_CREDENTIALS_FULL_URI`).
 */
export function createAwsInstanceRoutes(now: () => number): (call: GoogleCall) => Promise<boolean> {
  const sessions = new Map<string, number>();
  const metadata = '/latest/meta-data';
  const documents = (): Readonly<Record<string, string>> => ({
    [`${metadata}/placement/availability-zone`]: `${REGION}a`,
    [`${metadata}/placement/region`]: REGION,
    [`${metadata}/iam/security-credentials`]: AWS.role,
    [`${metadata}/iam/security-credentials/`]: AWS.role,
    [`${metadata}/iam/security-credentials/${AWS.role}`]: JSON.stringify(credentialsAt(now()), undefined, 2),
  });

  const openSession = ({ request, response }: GoogleCall): void => {
    const seconds = Number(request.headers['x-aws-ec2-metadata-token-ttl-seconds']);
    if (!Number.isInteger(seconds) || seconds < 1 || seconds > 21_600) {
      sendText(response, 400, 'Bad Request\n');
      return;
    }
    const token = randomBytes(40).toString('base64url');
    sessions.set(token, now() + seconds * 1000);
    sendText(response, 200, token, { 'x-aws-ec2-metadata-token-ttl-seconds': String(seconds) });
  };

  return async (call) => {
    if (!call.url.pathname.startsWith(`${AWS_PATH}/`)) return false;
    const { method, request, response } = call;
    const path = call.url.pathname.slice(AWS_PATH.length);
    if (path === '/latest/api/token' && method === 'PUT') openSession(call);
    else if (path === '/container-credentials' && method === 'GET')
      sendJson(response, 200, { ...credentialsAt(now()), RoleArn: `arn:aws:iam::${AWS.account}:role/${AWS.role}` });
    else if ((sessions.get(String(request.headers['x-aws-ec2-metadata-token'])) ?? 0) <= now())
      sendText(response, 401, 'Unauthorized\n');
    else {
      const known = documents();
      const document = Object.hasOwn(known, path) && method === 'GET' ? known[path] : undefined;
      sendText(response, document === undefined ? 404 : 200, document ?? 'Not Found\n');
    }
    return true;
  };
}
