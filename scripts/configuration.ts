// Writes docs/configuration.md from the schemas of src/config/. With --check, exits with 1 if the page is out of date.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { settings } from '../src/config/config.ts';
import { document } from '../src/config/schema/document.ts';
import { setVariables } from '../src/config/variables.ts';

type Schema = z.core.JSONSchema.BaseSchema;

const PAGE = fileURLToPath(new URL('../docs/configuration.md', import.meta.url));

/** What each key means. A name in capitals stands for one that the operator chooses. */
const MEANINGS: Readonly<Record<string, string>> = {
  audiences: 'The accepted values of a token’s `aud`: the service’s URL, and every other URL that callers use for it',
  identity: 'How callers are authenticated: [callers.md](callers.md#in-front-of-the-courier)',
  operators: 'Principals that may call `GET /v1/doctor`, written as in `callers`',
  destinations: 'Places in Drive, by the names that callers use. At least one',
  'destinations.NAME.folder':
    'The id of a folder or shared drive, or the folder’s URL in Drive (`https://drive.google.com/drive/folders/ID`)',
  'destinations.NAME.credentials': 'The credentials used to write there: a name under `credentials`',
  'destinations.NAME.callers':
    'Callers that may write there: an email, `domain:NAME` or `sub:NUMBER` ([callers.md](callers.md)). At least one',
  'destinations.NAME.sources':
    'Cloud Storage objects that may be delivered there (`source.gcs`, bucket notifications, events): everything below `gs://BUCKET/` or `gs://BUCKET/PREFIX/`. For any other object the answer is the same as for one that does not exist: [pubsub-and-buckets.md](pubsub-and-buckets.md#which-objects)',
  'destinations.NAME.path':
    'Folders below `folder`, separated by `/`, for requests without a `path`. Missing folders are created. May have placeholders, such as `{date:yyyy/MM}`: [policy.md](policy.md#folders-by-date-and-caller)',
  'destinations.NAME.timeZone':
    'The time zone of `{date:…}` and `{time:…}` in `path`: an IANA name, such as `Europe/Berlin`',
  'destinations.NAME.onConflict':
    'What to do if the name is taken and the request does not say: create another file of that name, replace the file’s content, leave the file as it is, or answer 409 `name-taken`',
  'destinations.NAME.convertTo': 'The Google format to convert files to, for requests that do not say',
  'destinations.NAME.share': 'Permissions to add to each new file. Sharing the folder once is simpler',
  'destinations.NAME.share[].type': 'The kind of permission. It decides which of the next keys apply',
  'destinations.NAME.share[].email': 'The email address, for `user` and `group`',
  'destinations.NAME.share[].domain': 'The domain, for `domain`',
  'destinations.NAME.share[].role': 'The role to grant',
  'destinations.NAME.share[].notify': 'Whether Drive sends an email, for `user` and `group`',
  'destinations.NAME.share[].message': 'Text for that email. Needs `notify: true`',
  'destinations.NAME.share[].expires':
    'How long the permission lasts, up to 365 days: `P30D`, `P2W`, `PT12H`. For `user` and `group`',
  'destinations.NAME.readOnly':
    'Makes each delivered file read-only by a content restriction. `onConflict=replace` removes it for the time of the write: [policy.md](policy.md)',
  'destinations.NAME.noDownload': 'Readers cannot download, print or copy the files. `everyone`: writers cannot either',
  'destinations.NAME.copyRequiresWriterPermission':
    'The older setting for the same: readers cannot copy, print or download',
  'destinations.NAME.writersCanShare': '`false`: writers cannot change the sharing of the files. My Drive only',
  'destinations.NAME.labels':
    'Labels to put on each file: `{LABEL_ID: {FIELD_ID: VALUE}}`. A value is text, a whole number, or `{selection: CHOICE_ID}`, `{date: …}`, `{user: …}`, `{text: …}`, `{integer: …}`, where `{property: NAME}` takes it from the request: [policy.md](policy.md#labels)',
  'destinations.NAME.keep':
    'Retention: a rule or a list of rules, of which the first that matches a path applies. Older files go to the trash after a delivery: [policy.md](policy.md#retention)',
  'destinations.NAME.keep.path': 'The paths of the rule: `*` stands for one folder, `**` for any number of them',
  'destinations.NAME.keep.last': 'How many of the newest files to keep',
  'destinations.NAME.keep.days': 'How many days to keep files. With `last`, a file is kept if either applies',
  'destinations.NAME.keep[].path': 'Likewise, in a list of rules',
  'destinations.NAME.keep[].last': 'Likewise, in a list of rules',
  'destinations.NAME.keep[].days': 'Likewise, in a list of rules',
  'destinations.NAME.labels.NAME.NAME.text': 'Text, for a text field',
  'destinations.NAME.labels.NAME.NAME.text.property': 'The property of the request that has the value',
  'destinations.NAME.labels.NAME.NAME.integer': 'A whole number, for a number field',
  'destinations.NAME.labels.NAME.NAME.integer.property': 'The property of the request that has the value',
  'destinations.NAME.labels.NAME.NAME.date': 'A date like `2026-11-29`, for a date field',
  'destinations.NAME.labels.NAME.NAME.date.property': 'The property of the request that has the value',
  'destinations.NAME.labels.NAME.NAME.selection': 'The id of a choice, for a selection field',
  'destinations.NAME.labels.NAME.NAME.selection.property': 'The property of the request that has the value',
  'destinations.NAME.labels.NAME.NAME.user': 'An email address, for a person field',
  'destinations.NAME.labels.NAME.NAME.user.property': 'The property of the request that has the value',
  'destinations.NAME.allowAnyone':
    'Must be `true` before `share` may contain `type: anyone`, which is everybody on the internet',
  'destinations.NAME.maxBytes':
    'The largest accepted file, in bytes. The default, 5 TiB, is the limit that Drive documents as 5 TB',
  'destinations.NAME.perCaller':
    'Limits of each caller at this destination, in addition to `limits.perCaller`: both apply',
  'destinations.NAME.perCaller.concurrent': 'As `limits.perCaller.concurrent`, for deliveries to this destination',
  'destinations.NAME.perCaller.filesPerMinute': 'As `limits.perCaller.filesPerMinute`, for this destination',
  'destinations.NAME.perCaller.bytesPerDay': 'As `limits.perCaller.bytesPerDay`, for this destination',
  credentials:
    'How the courier authenticates to Drive, by names of your own. Each entry has exactly one of `secret`, `file`, `impersonate`, `adc`: [credentials.md](credentials.md)',
  'credentials.NAME.secret':
    'A secret that contains a credentials file: `projects/PROJECT/secrets/NAME/versions/VERSION`. Without a version: `latest`',
  'credentials.NAME.file': 'The path of a credentials file',
  'credentials.NAME.impersonate': 'The email of a service account to impersonate. No key is needed',
  'credentials.NAME.adc': 'Use the platform’s own identity',
  'credentials.NAME.subject': 'The user to act for, by domain-wide delegation. Not possible with `adc`',
  'credentials.NAME.scopes': 'The OAuth scopes to request',
  'credentials.NAME.cacheSeconds': 'Seconds after which a secret or file is read again',
  ledger:
    'Where the courier records which `Idempotency-Key` belongs to which file: `memory`, for a single instance, or `{firestore: {…}}`',
  'ledger.firestore': 'A Firestore database, for any number of instances. `{}` uses all defaults',
  'ledger.firestore.project': 'The project of the database. Default: the project that the courier runs in',
  'ledger.firestore.database': 'The name of the database',
  'ledger.firestore.collection': 'The collection to use',
  'ledger.firestore.ttlDays': 'Days to remember a key. Must be longer than the longest time between two attempts',
  pubsub: 'Deliveries from messages: [pubsub-and-buckets.md](pubsub-and-buckets.md)',
  'pubsub.subscriptions': 'Push subscriptions to accept, by `projects/PROJECT/subscriptions/NAME`',
  'pubsub.subscriptions.NAME.serviceAccount': 'The email of the service account that the subscription pushes as',
  'pubsub.subscriptions.NAME.destinations': 'Destinations that its messages may use. At least one',
  'pubsub.subscriptions.NAME.topic':
    'The topic of the subscription, for [messages about many objects](many-files.md#from-pubsub). Default: asked of Pub/Sub, for which the courier needs `roles/pubsub.viewer` on the subscription',
  'pubsub.subscriptions.NAME.sources':
    'Cloud Storage objects that its messages may deliver, in addition to the `sources` of the destination; written in the same way',
  'pubsub.deadLetterTopic':
    'The topic for messages that can never be delivered: `projects/PROJECT/topics/NAME`. Without it they are only logged',
  'pubsub.eventDestinations':
    'Destinations that events of the function `courierEvent` may use. The platform has authenticated their sender',
  'pubsub.eventSources':
    'Cloud Storage objects that these events may deliver, in addition to the `sources` of the destination; written in the same way',
  receiptTopic:
    'A topic of Pub/Sub that gets the facts of every receipt: `projects/PROJECT/topics/NAME`. [pubsub-and-buckets.md](pubsub-and-buckets.md#receipts-as-messages)',
  queries:
    'Queries of BigQuery whose results callers may have delivered, by names of your own: [queries.md](queries.md)',
  'queries.NAME.sql': 'The query, in GoogleSQL, with parameters as `@name`. Set exactly one of `sql`, `sqlFile`',
  'queries.NAME.sqlFile': 'The path of a file with the query, which is read at the start',
  'queries.NAME.parameters':
    'The type of each parameter: `STRING`, `INT64`, `FLOAT64`, `NUMERIC`, `BIGNUMERIC`, `BOOL`, `DATE`, `DATETIME`, `TIME`, `TIMESTAMP`, or `ARRAY<…>` of one of these',
  'queries.NAME.project':
    'The project in which the query runs, and which pays. Default: the project that the courier runs in',
  'queries.NAME.location': 'Where the datasets of the query are: `US`, `EU`, or a region',
  'queries.NAME.maximumBytesBilled': 'BigQuery refuses to run the query if it would be billed for more bytes',
  'queries.NAME.callers': 'Principals that may run the query, written as in `destinations.NAME.callers`. At least one',
  'queries.NAME.destinations': 'Destinations that its results may be delivered to. At least one',
  'queries.NAME.timeoutSeconds':
    'Seconds after which BigQuery stops the query. Default: BigQuery’s own limit of six hours',
  userProject:
    'The project to bill for reading objects in requester-pays buckets. The courier needs `roles/serviceusage.serviceUsageConsumer` on it. It is sent only if a bucket requires it: [pubsub-and-buckets.md](pubsub-and-buckets.md#set-up-a-bucket)',
  limits: 'Limits of one instance: [operating.md](operating.md#sizing)',
  'limits.bufferBytes': 'Memory for the buffers of all uploads together. `null`: a quarter of the container’s memory',
  'limits.concurrentUploads':
    'Concurrent deliveries of one caller or subscription. Above it the answer is 429 `busy`. All callers together may have a quarter more',
  'limits.requestSeconds': 'The longest time for one request. Do not set it above the platform’s own limit',
  'limits.perCaller':
    'Limits of each caller. Above one the answer is 429 `caller-over-quota`: [operating.md](operating.md#limits-per-caller)',
  'limits.perCaller.concurrent': 'Concurrent requests of one caller in each instance',
  'limits.perCaller.filesPerMinute': 'Files that one caller may send in any 60 seconds to each instance',
  'limits.perCaller.bytesPerDay': 'Bytes that one caller may send in a day (UTC), to all instances together',
};

/** What each variable sets. */
const VARIABLES: Readonly<Record<string, string>> = {
  COURIER_CONFIG: 'The document itself, as YAML or JSON',
  COURIER_CONFIG_FILE: 'The path of the document, in place of `COURIER_CONFIG`',
  COURIER_AUDIENCES: '`audiences`, separated by commas',
  COURIER_IDENTITY: '`identity`',
  COURIER_CALLERS: '`callers` of the destination, separated by commas',
  COURIER_OPERATORS: '`operators`, separated by commas',
  COURIER_FOLDER: '`folder` of the destination',
  COURIER_SOURCES: '`sources` of the destination, separated by commas',
  COURIER_SECRET: '`secret` of its credentials',
  COURIER_KEY_FILE: '`file` of its credentials, in place of `COURIER_SECRET`',
  COURIER_IMPERSONATE: '`impersonate` of its credentials, in place of `COURIER_SECRET`',
  COURIER_SUBJECT: '`subject` of its credentials',
  COURIER_LEDGER: '`memory` or `firestore`, with all defaults',
  PORT: 'The port to listen on. 0 means any free port',
  LOG_LEVEL: '`trace`, `debug`, `info`, `warn`, `error` or `silent`',
  COURIER_GOOGLE_ORIGIN:
    'For development and tests: the [local Google](local-google.md) that receives every call. Loopback addresses only',
  K_SERVICE:
    'Set by Cloud Run, and by Knative. If it is set, the courier gets its own identity from the platform. Whether the platform is Cloud Run (for `identity: cloud-run-iam`) is decided by the metadata server alone',
  COURIER_COMMIT:
    'The commit that `GET /v1/health` reports. Default: the one that the build found in git (with `-dirty` if files had changed), else `null`',
  GOOGLE_CLOUD_PROJECT: 'The project that the courier runs in. Default: the answer of the metadata server',
  FUNCTION_TARGET: 'The function to serve, `courier` or `courierEvent`. Set by the platform',
  GOOGLE_APPLICATION_CREDENTIALS:
    'A credentials file with the courier’s own identity, for platforms that do not provide one',
  OTEL_EXPORTER_OTLP_ENDPOINT:
    'Where to send metrics and traces, by OTLP over HTTP. Without it they are not sent ([operating.md](operating.md#what-to-watch))',
};

interface Key {
  path: string;
  takes: string;
  isRequired: boolean;
}

const isSchema = (value: unknown): value is Schema => typeof value === 'object' && value !== null;
const code = (value: unknown): string => `\`${value}\``;

const rangeOf = ({ minimum, exclusiveMinimum, maximum }: Schema): string => {
  const least = minimum ?? (exclusiveMinimum === 0 ? undefined : exclusiveMinimum);
  const most = maximum === Number.MAX_SAFE_INTEGER ? undefined : maximum;
  if (least === undefined) return most === undefined ? '' : ` up to ${code(most)}`;
  return most === undefined ? ` from ${code(least)}` : ` from ${code(least)} to ${code(most)}`;
};

/** The parts of a schema that combines others. */
const partsOf = ({ anyOf, oneOf, allOf }: Schema): Schema[] => [anyOf, oneOf, allOf].flatMap((parts) => parts ?? []);

/** Describes the accepted values. */
const takesOf = (schema: Schema): string => {
  if (schema.const !== undefined) return code(schema.const);
  if (schema.enum !== undefined) return schema.enum.map(code).join(', ');
  if (schema.allOf?.[0] !== undefined) return takesOf(schema.allOf[0]);
  const parts = partsOf(schema);
  if (parts.length > 0) return [...new Set(parts.map(takesOf))].join(' or ');
  switch (schema.type) {
    case 'integer':
      return `whole number${rangeOf(schema)}`;
    case 'number':
      return `number${rangeOf(schema)}`;
    case 'boolean':
      return '`true`, `false`';
    case 'array':
      return schema.items !== undefined && takesOf(schema.items as Schema) === 'text' ? 'list of texts' : 'list';
    case 'object':
      return isSchema(schema.additionalProperties) ? 'entries by name' : 'entries';
    case 'null':
      return '`null`';
    default:
      return 'text';
  }
};

/** Every key below a schema. A key that several alternatives have is listed once, with the values of all of them. */
const keysOf = (schema: Schema, above: string): Key[] => {
  const own = Object.entries(schema.properties ?? {}).flatMap(([name, value]) => {
    const path = above === '' ? name : `${above}.${name}`;
    const isRequired = schema.required?.includes(name) ?? false;
    return [{ path, takes: takesOf(value as Schema), isRequired }, ...keysOf(value as Schema, path)];
  });
  const named = isSchema(schema.additionalProperties) ? keysOf(schema.additionalProperties, `${above}.NAME`) : [];
  const items = isSchema(schema.items) ? keysOf(schema.items as Schema, `${above}[]`) : [];
  return [...own, ...named, ...items, ...partsOf(schema).flatMap((part) => keysOf(part, above))];
};

const merged = (keys: readonly Key[]): Key[] =>
  [...new Set(keys.map(({ path }) => path))].map((path) => {
    const same = keys.filter((key) => key.path === path);
    const takes = [...new Set(same.map((key) => key.takes))].join(', ');
    return { path, takes, isRequired: same.every(({ isRequired }) => isRequired) };
  });

/** Only the required keys, so that all others have their defaults. */
const LEAST = {
  audiences: ['https://courier.example'],
  destinations: {
    NAME: {
      folder: '0AbCdEf',
      credentials: 'NAME',
      callers: ['sub:1'],
    },
  },
  credentials: { NAME: { adc: true } },
};
const SHARED = { type: 'user', email: 'somebody@example.com', role: 'reader' };
const WITH_MORE = {
  ...LEAST,
  destinations: { NAME: { ...LEAST.destinations.NAME, share: [SHARED] } },
  ledger: { firestore: {} },
};

const valueAt = (value: unknown, path: string): unknown =>
  path
    .replaceAll('[]', '.0')
    .split('.')
    .reduce<unknown>((at, name) => (isSchema(at) ? (at as Record<string, unknown>)[name] : undefined), value);

/** The default of a key; undefined if it has none. */
const defaultOf = (path: string): unknown => {
  const [plain, full] = [LEAST, WITH_MORE].map((written) =>
    valueAt(written, path) === undefined ? valueAt(document.parse(written), path) : undefined,
  );
  return plain === undefined ? full : plain;
};

const shown = (value: unknown): string => {
  if (value === undefined) return '';
  // Its keys have lines of their own.
  if (isSchema(value) && !Array.isArray(value)) return code('{}');
  return code(typeof value === 'string' ? value || '""' : JSON.stringify(value));
};

/** @throws when one list has a name that the other lacks */
const checkSame = (what: string, meant: readonly string[], there: readonly string[]): void => {
  const odd = [...meant.filter((name) => !there.includes(name)), ...there.filter((name) => !meant.includes(name))];
  if (odd.length > 0) throw new Error(`scripts/configuration.ts and src/config/ differ in ${what}: ${odd.join(', ')}`);
};

const documentTable = (): string => {
  const keys = merged(keysOf(z.toJSONSchema(document, { io: 'input' }), ''));
  checkSame(
    'keys',
    Object.keys(MEANINGS),
    keys.map(({ path }) => path),
  );
  const ofKey = new Map(keys.map((key) => [key.path, key]));
  return Object.entries(MEANINGS)
    .map(([path, meaning]) => {
      const { takes = '', isRequired = false } = ofKey.get(path) ?? {};
      return `| \`${path}\` | ${meaning}. | ${takes} | ${isRequired ? 'required' : shown(defaultOf(path))} |`;
    })
    .join('\n');
};

const variableTable = (): string => {
  const single = setVariables(new Proxy({}, { get: () => 'set' }));
  const there = ['COURIER_CONFIG', 'COURIER_CONFIG_FILE', ...single, ...Object.keys(settings.shape)];
  checkSame('variables', Object.keys(VARIABLES), there);
  const defaults = new Map(Object.entries(settings.parse({})));
  return Object.entries(VARIABLES)
    .map(
      ([name, meaning]) => `| \`${name}\` | ${meaning}. | ${defaults.has(name) ? `\`${defaults.get(name)}\`` : ''} |`,
    )
    .join('\n');
};

const page = (): string => `# Configuration

The configuration is one YAML or JSON document. Put its text into \`COURIER_CONFIG\`, or its path into \`COURIER_CONFIG_FILE\`:

\`\`\`yaml
audiences: [https://courier-abc-an.a.run.app]   # the service's URL, as it stands in a token's aud
identity: id-token            # id-token | iap | cloud-run-iam
operators: [ops@example.com]  # may call GET /v1/doctor
destinations:
  reports:
    folder: 0AbCdEf           # id or URL of a folder or shared drive
    credentials: main
    callers: [exporter@my-proj.iam.gserviceaccount.com, domain:example.com]
    sources: [gs://my-exports/ready/]   # Cloud Storage objects that may be delivered; default: none
    onConflict: new           # new | replace | skip | fail
    share: [{type: group, email: sales@example.com, role: reader}]
credentials:                  # each has one of secret, file, impersonate, adc
  main: {secret: projects/my-proj/secrets/drive-key/versions/latest}
ledger: {firestore: {ttlDays: 14}}              # or memory, for a single instance
pubsub:
  subscriptions:
    projects/my-proj/subscriptions/exports: {serviceAccount: pubsub-push@my-proj.iam.gserviceaccount.com, destinations: [reports]}
  deadLetterTopic: projects/my-proj/topics/exports-failed
limits: {concurrentUploads: 80, requestSeconds: 3600}
\`\`\`

The service checks the whole document when it starts. If there are faults, it lists each one with its path and exits with code 78. To check a configuration without starting the service, run \`node dist/server.js --check\` (in a clone also \`npx courier-server --check\`). This opens no port and makes no call: it prints every fault and exits with 78, or prints what the configuration means, with warnings, and exits with 0. When the service runs, \`courier doctor\` tests the configuration against Google.

White space around a value is ignored, and a folder's URL is accepted as its id. Values that can never match are faults: quotes inside a value, several values in one, an audience that is not an https URL, a caller that is not an address.

This page is generated from the schemas that the program uses.

## The document

\`NAME\` stands for a name of your own, and \`[]\` for each entry of a list. A destination's name has up to 64 letters, digits, \`_\`, \`.\` and \`-\`. "Required" means required within the key above it.

| key | meaning | values | default |
| --- | --- | --- | --- |
${documentTable()}

## Environment variables

A single destination can be configured by environment variables alone, without a document. The destination and its credentials are then both called \`default\`. If there is a document, the variables from \`COURIER_AUDIENCES\` to \`COURIER_LEDGER\` must not be set. An empty variable counts as not set.

| variable | meaning | default |
| --- | --- | --- |
${variableTable()}

Google's libraries read some variables of their own: \`GCE_METADATA_HOST\` (the metadata server, which tests replace) and \`FIRESTORE_EMULATOR_HOST\`.

The client reads \`COURIER_URL\` if \`--url\` is missing, \`COURIER_GOOGLE_ORIGIN\` as above, and the variables that provide its identity: [callers.md](callers.md).
`;

const current = (): string => {
  try {
    return readFileSync(PAGE, 'utf8');
  } catch {
    return '';
  }
};

const wanted = page();
if (!process.argv.includes('--check')) writeFileSync(PAGE, wanted);
else if (current() !== wanted) {
  console.error('docs/configuration.md is out of date with src/config/. Run "npm run docs".');
  process.exitCode = 1;
}
