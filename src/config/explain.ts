import type { Config } from './config.ts';
import type { CredentialConfig } from './credential.ts';
import type { DestinationConfig } from './destination.ts';
import { bufferBytesIn, memoryLimitBytes } from './memory.ts';
import { isServiceAccountDomain } from './service-account.ts';

/** What a principal stands for, in words. */
const principalInWords = (principal: string): string => {
  if (principal.startsWith('sub:')) return `${principal}  the account of that number`;
  if (!principal.startsWith('domain:')) return `${principal}  this account alone`;
  const domain = principal.slice('domain:'.length);
  return isServiceAccountDomain(domain)
    ? `${principal}  every service account of that project`
    : `${principal}  people whose account the organization ${domain} keeps`;
};

const credentialsInWords = ({ secret, file, impersonate, subject }: CredentialConfig): string => {
  const way =
    secret === undefined
      ? file === undefined
        ? impersonate === undefined
          ? "the platform's own identity"
          : `impersonating ${impersonate}, without a key`
        : `the key in the file ${file}`
      : `the key in the secret ${secret}`;
  return subject === null ? way : `${way}, on behalf of ${subject}`;
};

const sourcesInWords = (sources: readonly string[], none: string): string =>
  sources.length === 0 ? none : sources.join(', ');

const NO_OBJECTS = 'none: exports of gs:// objects are answered source-not-found';

type Line = [label: string, ...texts: string[]];

/** Labels in a column of their own; what a label has more than one of stands below. */
const block = (lines: readonly Line[], indent: string): string[] => {
  const width = Math.max(...lines.map(([label]) => label.length)) + 2;
  return lines.flatMap(([label, ...texts]) =>
    texts.map((text, index) => `${indent}${(index === 0 ? label : '').padEnd(width)}${text}`),
  );
};

const destinationLines = ({ credentials }: Config, name: string, destination: DestinationConfig): string[] => {
  const { folder, path, callers, sources, onConflict, convertTo, share, maxBytes } = destination;
  const credential = credentials[destination.credentials];
  const right = credential === undefined ? '' : `, ${credentialsInWords(credential)}`;
  return [
    `  ${name}`,
    ...block(
      [
        ['folder', `https://drive.google.com/drive/folders/${folder}${path === '' ? '' : `, in ${path}`}`],
        ['written with', `"${destination.credentials}"${right}`],
        ['callers', ...callers.map(principalInWords)],
        ['sources', sourcesInWords(sources, NO_OBJECTS)],
        ['on conflict', onConflict],
        ...(convertTo === null ? [] : [['converted to', convertTo] satisfies Line]),
        ...(share.length === 0
          ? []
          : [
              [
                'shared with',
                ...share.map((rule) => {
                  const who =
                    'email' in rule ? rule.email : 'domain' in rule ? rule.domain : 'everybody on the internet';
                  return `${who} (${rule.type}), as ${rule.role}`;
                }),
              ] satisfies Line,
            ]),
        ['largest file', `${maxBytes} bytes`],
      ],
      '    ',
    ),
  ];
};

const ledgerInWords = ({ ledger, project }: Config): string => {
  if (ledger === 'memory')
    return 'memory: a retry that reaches another instance, or this one restarted, makes a second file';
  const { project: own = project ?? "the courier's own project", database, collection, ttlDays } = ledger.firestore;
  return `Firestore, database ${database} of ${own}, collection ${collection}, kept for ${ttlDays} days`;
};

const queueLines = ({ pubsub }: Config): string[] => {
  const { subscriptions, eventDestinations, eventSources, deadLetterTopic } = pubsub;
  const ways: Line[] = Object.entries(subscriptions).map(([name, { serviceAccount, destinations, sources }]) => [
    name,
    `pushes as ${serviceAccount}, to ${destinations.join(', ')}`,
    `brings objects from: ${sourcesInWords(sources, "what the destination's own sources list")}`,
  ]);
  if (eventDestinations.length > 0) {
    ways.push([
      'events (courierEvent)',
      `to ${eventDestinations.join(', ')}`,
      `bring objects from: ${sourcesInWords(eventSources, "what the destination's own sources list")}`,
    ]);
  }
  if (ways.length === 0) return ['messages        none are taken: there is no subscription'];
  return ['messages', ...block(ways, '  '), `  dead letters  ${deadLetterTopic ?? 'only logged'}`];
};

/** What a configuration without faults means, for whoever wrote it; nothing of it has been tried. */
export const explain = (config: Config): string => {
  const { audiences, identity, operators, destinations, limits, warnings } = config;
  const buffers = limits.bufferBytes ?? bufferBytesIn(memoryLimitBytes());
  const bufferOrigin = limits.bufferBytes === null ? ', a quarter of the memory here' : '';
  return [
    'ok: the configuration has no faults. Nothing was tried against Google; "courier doctor" does that.',
    '',
    ...block(
      [
        ['audiences', ...audiences],
        ['identity', identity],
        ['operators', ...(operators.length === 0 ? ['nobody'] : operators.map(principalInWords))],
        ['ledger', ledgerInWords(config)],
        [
          'limits',
          `${limits.concurrentUploads} deliveries at once, ${limits.requestSeconds} s each, ${Math.floor(buffers / 1_048_576)} MiB of buffers${bufferOrigin}`,
        ],
      ],
      '',
    ),
    'destinations',
    ...Object.entries(destinations).flatMap(([name, destination]) => destinationLines(config, name, destination)),
    ...queueLines(config),
    ...(warnings.length === 0 ? [] : ['', 'warnings', ...warnings.map((warning) => `  ${warning}`)]),
  ].join('\n');
};
