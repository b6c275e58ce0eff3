import { isServiceAccountDomain } from '../text/google/service-account.ts';
import type { Config } from './config.ts';
import { bufferBytesIn, memoryLimitBytes } from './memory.ts';
import type { CredentialConfig } from './schema/credential.ts';
import type { DestinationConfig, KeepRule, ShareConfig } from './schema/destination.ts';
import type { PerCallerConfig } from './schema/per-caller.ts';

type Line = [label: string, ...texts: string[]];

/** Lines with their labels in one column. Further texts of a line are put below its first one. */
const block = (lines: readonly Line[], indent: string): string[] => {
  const width = Math.max(...lines.map(([label]) => label.length)) + 2;
  return lines.flatMap(([label, ...texts]) =>
    texts.map((text, index) => `${indent}${(index === 0 ? label : '').padEnd(width)}${text}`),
  );
};

const describePrincipal = (principal: string): string => {
  if (principal.startsWith('sub:')) return `${principal}  the account with this number`;
  if (!principal.startsWith('domain:')) return `${principal}  this account only`;
  const domain = principal.slice('domain:'.length);
  return isServiceAccountDomain(domain)
    ? `${principal}  all service accounts of this project`
    : `${principal}  people whose account is managed by the organization ${domain}`;
};

const describeKind = ({ secret, file, impersonate }: CredentialConfig): string => {
  if (secret !== undefined) return `the key in the secret ${secret}`;
  if (file !== undefined) return `the key in the file ${file}`;
  if (impersonate !== undefined) return `impersonating ${impersonate}, without a key`;
  return "the platform's own identity";
};

const describeCredentials = (name: string, credential: CredentialConfig | undefined): string => {
  if (credential === undefined) return `"${name}"`;
  const { subject } = credential;
  return `"${name}", ${describeKind(credential)}${subject === null ? '' : `, on behalf of ${subject}`}`;
};

const describeShare = (rule: ShareConfig): string => {
  const grantee = 'email' in rule ? rule.email : 'domain' in rule ? rule.domain : 'anyone on the internet';
  const until = 'expires' in rule && rule.expires !== undefined ? `, for ${rule.expires / 3_600_000} hours` : '';
  return `${grantee} (${rule.type}), as ${rule.role}${until}`;
};

const describeRestrictions = (destination: DestinationConfig): string[] => {
  const { readOnly, noDownload, copyRequiresWriterPermission, writersCanShare } = destination;
  return [
    ...(readOnly ? ['the content is read-only'] : []),
    ...(noDownload === false ? [] : [`no download by ${noDownload === 'everyone' ? 'anyone' : 'readers'}`]),
    ...(copyRequiresWriterPermission ? ['no copies by readers'] : []),
    ...(writersCanShare ? [] : ['writers cannot share']),
  ];
};

const describeKeep = ({ path, last, days }: KeepRule): string => {
  const parts = [
    ...(last === undefined ? [] : [`the last ${last} files`]),
    ...(days === undefined ? [] : [`files of the last ${days} days`]),
  ];
  return `${path}: ${parts.join(' and ')}; others go to the trash`;
};

const describeName = ({ name, timeZone }: DestinationConfig): Line[] =>
  name === undefined ? [] : [['default name', name.includes('{') ? `${name} (${timeZone})` : name]];

const describeAccountOrder = ({ credentials }: DestinationConfig): Line[] =>
  credentials.length === 1
    ? []
    : [['order', 'the first account that still has storage and is below its daily upload limit']];

const listOr = (items: readonly string[], none: string): string => (items.length === 0 ? none : items.join(', '));

const describePerCaller = ({ concurrent, filesPerMinute, bytesPerDay }: PerCallerConfig = {}): string[] => [
  ...(concurrent === undefined ? [] : [`${concurrent} concurrent requests in each instance`]),
  ...(filesPerMinute === undefined ? [] : [`${filesPerMinute} files a minute in each instance`]),
  ...(bytesPerDay === undefined ? [] : [`${bytesPerDay} bytes a day`]),
];

const NO_OBJECTS = 'none: exports of gs:// objects fail with source-not-found';

const destinationLines = ({ credentials }: Config, name: string, destination: DestinationConfig): string[] => {
  const { folder, spreadsheet, path, callers, sources, onConflict, convertTo, share, maxBytes } = destination;
  const lines: Line[] = [
    folder === null
      ? ['spreadsheet', `https://docs.google.com/spreadsheets/d/${spreadsheet}/edit`]
      : [
          'folder',
          `https://drive.google.com/drive/folders/${folder}${path === '' ? '' : `, in ${path}`}${path.includes('{') ? ` (${destination.timeZone})` : ''}`,
        ],
    ...describeName(destination),
    ['credentials', ...destination.credentials.map((used) => describeCredentials(used, credentials[used]))],
    ...describeAccountOrder(destination),
    ['callers', ...callers.map(describePrincipal)],
    ['sources', listOr(sources, NO_OBJECTS)],
    ['on conflict', onConflict],
    ['convert to', ...(convertTo === null ? [] : [convertTo])],
    ['share with', ...share.map(describeShare)],
    ['restricted', ...describeRestrictions(destination)],
    ['labels', ...Object.keys(destination.labels)],
    ['keep', ...destination.keep.map(describeKeep)],
    ['max file size', `${maxBytes} bytes`],
    ['each caller', ...describePerCaller(destination.perCaller)],
  ];
  return [`  ${name}`, ...block(lines, '    ')];
};

const describeLedger = ({ ledger, project }: Config): string => {
  if (ledger === 'memory')
    return 'memory: a retry that reaches another instance, or this one after a restart, creates a second file';
  const { project: own = project ?? "the courier's own project", database, collection, ttlDays } = ledger.firestore;
  return `Firestore, database ${database} of ${own}, collection ${collection}, kept for ${ttlDays} days`;
};

const messageLines = ({ pubsub }: Config): string[] => {
  const { subscriptions, eventDestinations, eventSources, deadLetterTopic } = pubsub;
  const objects = (sources: readonly string[]): string => listOr(sources, "the destination's own sources");
  const lines: Line[] = Object.entries(subscriptions).map(([name, { serviceAccount, destinations, sources }]) => [
    name,
    `pushes as ${serviceAccount}, to ${destinations.join(', ')}`,
    `may export objects from: ${objects(sources)}`,
  ]);
  if (eventDestinations.length > 0) {
    lines.push([
      'events (courierEvent)',
      `to ${eventDestinations.join(', ')}`,
      `may export objects from: ${objects(eventSources)}`,
    ]);
  }
  if (lines.length === 0) return ['messages        none: there is no subscription'];
  return ['messages', ...block(lines, '  '), `  dead letters  ${deadLetterTopic ?? 'only logged'}`];
};

const describeStaging = ({ staging }: Config['queries'][string]): string =>
  staging === null
    ? 'read by pages'
    : `above ${staging.aboveBytes} bytes exported to ${staging.prefix}, unless they are ordered`;

const queryLines = ({ queries }: Config): string[] => {
  const all = Object.entries(queries);
  if (all.length === 0) return [];
  const lines = all.flatMap(([name, query]) => [
    `  ${name}`,
    ...block(
      [
        [
          'parameters',
          listOr(
            Object.entries(query.parameters).map(([parameter, type]) => `${parameter} ${type}`),
            'none',
          ),
        ],
        ['runs in', `${query.location}, in ${query.project ?? "the courier's own project"}`],
        ['limit', query.maximumBytesBilled === null ? 'none' : `${query.maximumBytesBilled} bytes billed`],
        ['large results', describeStaging(query)],
        ['callers', ...query.callers.map(describePrincipal)],
        ['destinations', query.destinations.join(', ')],
      ],
      '    ',
    ),
  ]);
  return ['queries', ...lines];
};

const describeLimits = ({ limits }: Config): string => {
  const buffers = limits.bufferBytes ?? bufferBytesIn(memoryLimitBytes());
  const origin = limits.bufferBytes === null ? ' (a quarter of the memory here)' : '';
  return `${limits.concurrentUploads} concurrent deliveries, ${limits.requestSeconds} s each, ${Math.floor(buffers / 1_048_576)} MiB of buffers${origin}`;
};

/** Explains a valid configuration to its author. Nothing is checked with Google here. */
export const explain = (config: Config, { isTriedNext = false } = {}): string => {
  const { audiences, identity, operators, destinations, warnings } = config;
  const general: Line[] = [
    ['audiences', ...audiences],
    ['identity', identity],
    ['operators', ...(operators.length === 0 ? ['none'] : operators.map(describePrincipal))],
    ['ledger', describeLedger(config)],
    ['limits', describeLimits(config)],
    ['each caller', ...describePerCaller(config.limits.perCaller)],
  ];
  return [
    isTriedNext
      ? 'ok: the configuration is valid. The results of the checks with Google are at the end.'
      : 'ok: the configuration is valid. Nothing was checked with Google; --check --online and "courier doctor" do that.',
    '',
    ...block(general, ''),
    'destinations',
    ...Object.entries(destinations).flatMap(([name, destination]) => destinationLines(config, name, destination)),
    ...messageLines(config),
    ...queryLines(config),
    ...(config.receiptTopic === null ? [] : [`receipts        published to ${config.receiptTopic}`]),
    ...(warnings.length === 0 ? [] : ['', 'warnings', ...warnings.map((warning) => `  ${warning}`)]),
  ].join('\n');
};
