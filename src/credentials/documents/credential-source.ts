import { z } from 'zod';

/**
 * The metadata servers where clouds issue tokens to their workloads: AWS and Azure instances, ECS tasks, EKS pods.
 * No other host is called, because an attacker could supply a document to make the courier fetch a URL (SSRF).
 */
const METADATA_HOSTS: ReadonlySet<string> = new Set([
  '169.254.169.254',
  '[fd00:ec2::254]',
  '169.254.170.2',
  '169.254.170.23',
  '[fd00:ec2::23]',
]);

const text = z.string().min(1);
/** It is called by Google, not by the courier; it is part of the signed request. */
const AWS_STS =
  /^https:\/\/sts(\.(\{region\}|[a-z0-9-]+))?\.amazonaws\.com(\.cn)?\/?\?Action=GetCallerIdentity&Version=2011-06-15$/;

/**
 * Where an `external_account` gets the workload's own token: a file, a metadata server, or AWS.
 * `executable` (which would run programs) and `certificate` are not supported.
 * @param loopback whether http://127.0.0.1 is also allowed, for the local Google
 */
export const createCredentialSource = ({ loopback }: { loopback: boolean }) => {
  const metadataUrl = z.string().refine((url) => {
    if (!URL.canParse(url)) return false;
    const { protocol, hostname, username, password } = new URL(url);
    const isKnown = METADATA_HOSTS.has(hostname) || (loopback && hostname === '127.0.0.1');
    return isKnown && protocol === 'http:' && username === '' && password === '';
  });
  const format = z
    .discriminatedUnion('type', [
      z.object({ type: z.literal('text') }),
      z.object({ type: z.literal('json'), subject_token_field_name: text }),
    ])
    .default({ type: 'text' });
  const aws = z.strictObject({
    environment_id: z.literal('aws1'),
    region_url: metadataUrl.exactOptional(),
    url: metadataUrl.exactOptional(),
    regional_cred_verification_url: z.string().regex(AWS_STS),
    imdsv2_session_token_url: metadataUrl.exactOptional(),
  });
  const file = z.strictObject({ file: text, format });
  const url = z.strictObject({ url: metadataUrl, headers: z.record(z.string(), z.string()).exactOptional(), format });
  return z.union([aws, file, url]);
};
