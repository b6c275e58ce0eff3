import type { Config } from '../../config/config.ts';
import type { DoctorDependencies } from '../dependencies.ts';
import { forgedToken, type Head, requestAnonymously } from '../own-service/anonymous-request.ts';
import { requestableUrls, regionOf, routeAt } from '../own-service/urls.ts';
import { projectOf } from '../remedies.ts';
import { type Check, failed, passed, skipped, warned } from '../report.ts';

/** It needs no token, so a refusal here does not come from the courier. */
const ROUTE = '/v1/health';

const TIMEOUT_MS = 8_000;
/** No service has more URLs. */
const MAX_URLS = 5;

/** Whether Cloud Run's front end rejected the request, or the courier received it; or why this is unknown. */
type Outcome = 'rejected' | 'received' | { unknown: string };

/** True for headers that only the courier sends. */
const isCouriers = ({ headers }: Head, mediaType: string): boolean =>
  String(headers['www-authenticate']).includes('realm="drive-courier"') ||
  (/^[\da-f]{32}$/.test(String(headers['x-request-id'])) &&
    headers['x-content-type-options'] === 'nosniff' &&
    /^application\/(problem\+)?json\b/.test(mediaType));

/** Cloud Run rejects with an HTML page: 403 without a token, 401 with an invalid one. */
const judge = (head: Head): Outcome => {
  const mediaType = String(head.headers['content-type'] ?? '');
  if (isCouriers(head, mediaType)) return 'received';
  if ((head.status === 401 || head.status === 403) && /^text\/html\b/.test(mediaType)) return 'rejected';
  return { unknown: `it answers ${head.status} ${mediaType}`.trim() };
};

const ask = (url: URL, token: string | undefined, timeoutMs: number): Promise<Outcome> =>
  requestAnonymously(routeAt(url, ROUTE), token, timeoutMs).then(judge, (error: NodeJS.ErrnoException) => ({
    unknown: `it does not answer (${error.code ?? error.message})`,
  }));

/** One request that gets through is enough. A rejected token alone proves nothing, because Cloud Run sometimes checks tokens for public services too. */
const tryAt = async (url: URL, timeoutMs: number): Promise<Outcome> => {
  const answers = await Promise.all([ask(url, undefined, timeoutMs), ask(url, forgedToken(url.href), timeoutMs)]);
  if (answers.includes('received')) return 'received';
  return answers.find((outcome) => outcome !== 'rejected') ?? 'rejected';
};

const whyNotNeeded = async (
  { identity }: Pick<Config, 'identity'>,
  isCloudRun: DoctorDependencies['isCloudRun'],
): Promise<string | undefined> => {
  const itself = 'the courier checks signatures itself';
  if (identity !== 'cloud-run-iam') return `Not needed: with "identity: ${identity}" ${itself}.`;
  // If the metadata server does not answer, this may be Cloud Run, so the check is done.
  return (await isCloudRun().catch(() => true)) ? undefined : `Not needed: this is not Cloud Run, so ${itself}.`;
};

const listed = (urls: readonly URL[]): string => urls.map((url) => routeAt(url, '')).join(', ');

/**
 * Checks that Cloud Run rejects unauthenticated requests before they reach the courier, where the courier relies on it. It sends
 * requests to the service's own URL rather than reading the IAM policy, which would take a permission that nothing else needs.
 */
export const checkInvoker = async (
  { config, now, isCloudRun }: Pick<DoctorDependencies, 'config' | 'now' | 'isCloudRun'>,
  { runtimeEmail, deadlineMs }: { runtimeEmail: string | undefined; deadlineMs: number },
): Promise<Check> => {
  const notNeeded = await whyNotNeeded(config, isCloudRun);
  if (notNeeded !== undefined) return skipped('invoker', notNeeded);
  const urls = requestableUrls(config).slice(0, MAX_URLS);
  const region = urls.map(regionOf).find((found) => found !== undefined) ?? 'REGION';
  const project = config.project ?? projectOf(runtimeEmail);
  const flags = `${config.service ?? 'SERVICE'} --region=${region} --project=${project}`;
  const unknown = (why: string): Check =>
    warned(
      'invoker',
      `It is unknown whether Cloud Run rejects unauthenticated requests: ${why}.`,
      `gcloud run services get-iam-policy ${flags}; gcloud run services describe ${flags}`,
    );
  if (urls.length === 0) return unknown('none of "audiences" is an https URL');

  const timeoutMs = Math.min(TIMEOUT_MS, deadlineMs - now());
  if (timeoutMs <= 0) return unknown('there was no time left to check it');
  const answers = await Promise.all(urls.map(async (url) => ({ url, outcome: await tryAt(url, timeoutMs) })));
  const where = (wanted: Outcome): URL[] => answers.flatMap(({ url, outcome }) => (outcome === wanted ? [url] : []));
  const open = where('received');
  if (open.length > 0)
    return failed(
      'invoker',
      `Cloud Run accepts unauthenticated requests at ${listed(open)}, and with "identity: cloud-run-iam" anybody can claim any identity.`,
      `gcloud run services remove-iam-policy-binding ${flags} --member=allUsers --role=roles/run.invoker; gcloud run services update ${flags} --invoker-iam-check; until then, in the configuration: identity: id-token`,
    );
  const closed = where('rejected');
  if (closed.length > 0)
    return passed('invoker', `Cloud Run rejects requests to ${listed(closed)} without a token or with a forged token.`);
  return unknown(
    answers
      .map(({ url, outcome }) => `${listed([url])}: ${typeof outcome === 'object' ? outcome.unknown : ''}`)
      .join('; '),
  );
};
