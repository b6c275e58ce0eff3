import type { Config } from '../config/config.ts';
import type { DoctorDependencies } from './dependencies.ts';
import { askableUrls, regionOf, routeAt } from './own-urls.ts';
import { projectOf } from './remedies.ts';
import { type Check, failed, passed, skipped, warned } from './report.ts';
import { askAsStranger, forgedToken, type Head } from './stranger.ts';

/** Anybody may ask for it: whoever is refused here was not refused by a courier. */
const ROUTE = '/v1/health';

const TIMEOUT_MS = 8_000;
/** More addresses than these no service has. */
const MAX_URLS = 5;

/** By Cloud Run's front end; or not, so that the courier was reached; or it cannot be said, and why. */
type Answered = 'refused' | 'reached' | { odd: string };

/** The headers of whatever a courier answers. */
const isCouriers = ({ headers }: Head, mediaType: string): boolean =>
  String(headers['www-authenticate']).includes('realm="drive-courier"') ||
  (/^[\da-f]{32}$/.test(String(headers['x-request-id'])) &&
    headers['x-content-type-options'] === 'nosniff' &&
    /^application\/(problem\+)?json\b/.test(mediaType));

/** Cloud Run refuses with a page of HTML: 403 to whoever has no token, 401 to whoever has a bad one. */
const judge = (head: Head): Answered => {
  const mediaType = String(head.headers['content-type'] ?? '');
  if (isCouriers(head, mediaType)) return 'reached';
  if ((head.status === 401 || head.status === 403) && /^text\/html\b/.test(mediaType)) return 'refused';
  return { odd: `it answers ${head.status} ${mediaType}`.trim() };
};

const ask = (url: URL, token: string | undefined, timeoutMs: number): Promise<Answered> =>
  askAsStranger(routeAt(url, ROUTE), token, timeoutMs).then(judge, (error: NodeJS.ErrnoException) => ({
    odd: `it does not answer (${error.code ?? error.message})`,
  }));

/** One way that leads in is enough. A refused token alone proves nothing: now and then Cloud Run looks at those for open services too. */
const tryAt = async (url: URL, timeoutMs: number): Promise<Answered> => {
  const answers = await Promise.all([ask(url, undefined, timeoutMs), ask(url, forgedToken(url.href), timeoutMs)]);
  if (answers.includes('reached')) return 'reached';
  return answers.find((answered) => answered !== 'refused') ?? 'refused';
};

const whyNotNeeded = async (
  { identity }: Pick<Config, 'identity'>,
  isCloudRun: DoctorDependencies['isCloudRun'],
): Promise<string | undefined> => {
  const itself = 'the courier checks signatures itself';
  if (identity !== 'cloud-run-iam') return `Not needed: with "identity: ${identity}" ${itself}.`;
  // While the metadata server does not answer, the question stays open, and the check is worth its while.
  return (await isCloudRun().catch(() => true)) ? undefined : `Not needed: this is not Cloud Run, so ${itself}.`;
};

const listed = (urls: readonly URL[]): string => urls.map((url) => routeAt(url, '')).join(', ');

/**
 * Whether Cloud Run refuses strangers before they reach the courier, where the courier relies on that. It asks at the service's
 * own address, not IAM: to read the policy, the courier would need a right that it has no other use for.
 */
export const checkInvoker = async (
  { config, now, isCloudRun }: Pick<DoctorDependencies, 'config' | 'now' | 'isCloudRun'>,
  { runtimeEmail, deadlineMs }: { runtimeEmail: string | undefined; deadlineMs: number },
): Promise<Check> => {
  const notNeeded = await whyNotNeeded(config, isCloudRun);
  if (notNeeded !== undefined) return skipped('invoker', notNeeded);
  const urls = askableUrls(config).slice(0, MAX_URLS);
  const region = urls.map(regionOf).find((found) => found !== undefined) ?? 'REGION';
  const project = config.project ?? projectOf(runtimeEmail);
  const flags = `${config.service ?? 'SERVICE'} --region=${region} --project=${project}`;
  const notChecked = (why: string): Check =>
    warned(
      'invoker',
      `Not checked whether Cloud Run refuses strangers: ${why}.`,
      `gcloud run services get-iam-policy ${flags}; gcloud run services describe ${flags}`,
    );
  if (urls.length === 0) return notChecked('none of "audiences" is an https address');

  const timeoutMs = Math.min(TIMEOUT_MS, deadlineMs - now());
  if (timeoutMs <= 0) return notChecked('no time was left for it');
  const answers = await Promise.all(urls.map(async (url) => ({ url, answered: await tryAt(url, timeoutMs) })));
  const where = (wanted: Answered): URL[] => answers.flatMap(({ url, answered }) => (answered === wanted ? [url] : []));
  const open = where('reached');
  if (open.length > 0)
    return failed(
      'invoker',
      `Cloud Run lets strangers in at ${listed(open)}, and "identity: cloud-run-iam" believes any name that they write into a token.`,
      `gcloud run services remove-iam-policy-binding ${flags} --member=allUsers --role=roles/run.invoker; gcloud run services update ${flags} --invoker-iam-check; until then, in the configuration: identity: id-token`,
    );
  const closed = where('refused');
  if (closed.length > 0)
    return passed('invoker', `Cloud Run refuses who comes to ${listed(closed)} without a token, or with a forged one.`);
  return notChecked(
    answers
      .map(({ url, answered }) => `${listed([url])}: ${typeof answered === 'object' ? answered.odd : ''}`)
      .join('; '),
  );
};
