// Writes docs/configuration.md from the schemas of src/config/; with --check, says whether it is stale and exits 1.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { document } from '../src/config/document.ts';
import { settings } from '../src/config/settings.ts';
import { setVariables } from '../src/config/variables.ts';

type Schema = z.core.JSONSchema.BaseSchema;

const PAGE = fileURLToPath(new URL('../docs/configuration.md', import.meta.url));

/** What each key says; a name in capitals stands for one that the operator chooses. */
const MEANINGS: Readonly<Record<string, string>> = {
  audiences: 'What a token’s `aud` must be: the service’s URL, and each other one that it is called by',
  identity: 'How callers are known: [callers.md](callers.md#in-front-of-the-courier)',
  operators: 'Who may ask for `GET /v1/doctor`; principals, as in `callers`',
  destinations: 'Places in Drive, by the names that callers use. At least one',
  'destinations.NAME.folder':
    'The id of a folder or of a shared drive, or the address that Drive shows for it (`https://drive.google.com/drive/folders/ID`)',
  'destinations.NAME.credentials': 'By what right it is written to: a name of `credentials`',
  'destinations.NAME.callers':
    'Who may write there: an email, `domain:NAME` or `sub:NUMBER` ([callers.md](callers.md)). At least one',
  'destinations.NAME.sources':
    'Which objects of Cloud Storage may be delivered there (`source.gcs`, a bucket’s notifications, events): all below `gs://BUCKET/` or `gs://BUCKET/PREFIX/`. What is not listed is answered as if it did not exist: [pubsub-and-buckets.md](pubsub-and-buckets.md#which-objects)',
  'destinations.NAME.path':
    'Folders below `folder`, separated by `/`, for files whose caller names none; made when missing',
  'destinations.NAME.onConflict':
    'What happens to a name that is taken, where the caller does not say: one more file of that name, the file’s content replaced, the file left as it is, or 409 `name-taken`',
  'destinations.NAME.convertTo':
    'Into which of Google’s own formats files are converted, where the caller does not say',
  'destinations.NAME.share': 'With whom each new file is shared. Better: share the folder once',
  'destinations.NAME.share[].type': 'What the entry shares with; it decides which of the next keys it has',
  'destinations.NAME.share[].email': 'Whose, for `user` and `group`',
  'destinations.NAME.share[].domain': 'Which, for `domain`',
  'destinations.NAME.share[].role': 'What they may do',
  'destinations.NAME.share[].notify': 'Whether Drive sends a mail, for `user` and `group`',
  'destinations.NAME.allowAnyone':
    'Must be `true` before `share` may have `type: anyone`, which is everybody on the internet',
  'destinations.NAME.maxBytes':
    'The largest file that is taken, in bytes. The default, 5 TiB, is what Drive takes and calls 5 TB',
  credentials:
    'Rights to write, by names of your own; each has exactly one of `secret`, `file`, `impersonate`, `adc`: [credentials.md](credentials.md)',
  'credentials.NAME.secret':
    'A secret with a credentials file: `projects/PROJECT/secrets/NAME/versions/VERSION`; without a version, `latest`',
  'credentials.NAME.file': 'The path of a credentials file',
  'credentials.NAME.impersonate': 'The email of a service account that the courier’s own identity may act as; no key',
  'credentials.NAME.adc': 'The platform’s own identity',
  'credentials.NAME.subject': 'The user in whose name it writes, by domain-wide delegation; not with `adc`',
  'credentials.NAME.scopes': 'What tokens are asked for',
  'credentials.NAME.cacheSeconds': 'After how long a secret or a file is read again',
  ledger:
    'Where it is remembered which `Idempotency-Key` got which file: `memory`, for one instance only, or `{firestore: {…}}`',
  'ledger.firestore': 'A Firestore database, for any number of instances; `{}` takes every default',
  'ledger.firestore.project': 'Its project. Default: the one that the courier runs in',
  'ledger.firestore.database': 'Its name',
  'ledger.firestore.collection': 'Where in it',
  'ledger.firestore.ttlDays': 'How long a key is remembered: longer than the longest time between two tries',
  pubsub: 'Deliveries by message: [pubsub-and-buckets.md](pubsub-and-buckets.md)',
  'pubsub.subscriptions': 'Whose pushes are believed, by `projects/PROJECT/subscriptions/NAME`',
  'pubsub.subscriptions.NAME.serviceAccount': 'The email of the account that the subscription pushes as',
  'pubsub.subscriptions.NAME.destinations': 'Which destinations its messages may name. At least one',
  'pubsub.subscriptions.NAME.sources':
    'Which objects its messages may bring, beside those that their destination lists; written as there',
  'pubsub.deadLetterTopic':
    'Where messages go that can never be delivered: `projects/PROJECT/topics/NAME`. Without it they are only logged',
  'pubsub.eventDestinations':
    'Which destinations the events of the function `courierEvent` may name; the platform has checked their sender',
  'pubsub.eventSources':
    'Which objects these events may bring, beside those that their destination lists; written as there',
  userProject:
    'The project that pays for reading objects of requester-pays buckets; the courier needs `roles/serviceusage.serviceUsageConsumer` on it. Sent only where a bucket asks for it: [pubsub-and-buckets.md](pubsub-and-buckets.md#set-up-a-bucket)',
  limits: 'What one instance takes on: [operating.md](operating.md#sizing)',
  'limits.bufferBytes': 'Memory for the bytes of all uploads together. `null`: a quarter of the container’s',
  'limits.concurrentUploads':
    'Deliveries at once of one caller or subscription; one more is answered 429 `busy`. A quarter more may be in hand for all of them together',
  'limits.requestSeconds': 'How long one request may take; no longer than the platform’s own limit',
};

/** What each variable says to the service. */
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
  COURIER_LEDGER: '`memory` or `firestore`, with every default',
  PORT: 'Where it listens; 0 is any free port',
  LOG_LEVEL: '`trace`, `debug`, `info`, `warn`, `error` or `silent`',
  COURIER_GOOGLE_ORIGIN:
    'For development and tests: a [local Google](local-google.md) that every call goes to. Loopback only',
  K_SERVICE:
    'Set by Cloud Run, and by Knative. Where it is, the platform is asked for the courier’s own identity; that this is Cloud Run, `identity: cloud-run-iam` believes the metadata server alone',
  COURIER_COMMIT:
    'The commit that `GET /v1/health` names. Default: what the build found in git (with `-dirty` where files were changed), else `null`',
  GOOGLE_CLOUD_PROJECT: 'The project that the courier runs in. Without it, the metadata server is asked',
  FUNCTION_TARGET: 'Which function is served, `courier` or `courierEvent`; the platform sets it',
  GOOGLE_APPLICATION_CREDENTIALS: 'The courier’s own identity as a credentials file, where the platform gives it none',
  OTEL_EXPORTER_OTLP_ENDPOINT:
    'Where metrics and traces go, by OTLP over HTTP; without it, nowhere ([operating.md](operating.md#what-to-watch))',
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

/** A schema that is one of several, or all of several, in order. */
const partsOf = ({ anyOf, oneOf, allOf }: Schema): Schema[] => [anyOf, oneOf, allOf].flatMap((parts) => parts ?? []);

/** What a value may be, in words. */
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

/** Every key below a schema. One that several alternatives have is told once, with what any of them takes. */
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

/** No more than must be given, so that all else in it is a default. */
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

/** What the courier takes for a key that is not there; undefined when it takes nothing. */
const defaultOf = (path: string): unknown => {
  const [plain, full] = [LEAST, WITH_MORE].map((written) =>
    valueAt(written, path) === undefined ? valueAt(document.parse(written), path) : undefined,
  );
  return plain === undefined ? full : plain;
};

const shown = (value: unknown): string => {
  if (value === undefined) return '';
  // What such a one has in it stands in lines of its own.
  if (isSchema(value) && !Array.isArray(value)) return code('{}');
  return code(typeof value === 'string' ? value || '""' : JSON.stringify(value));
};

/** @throws when the one has a name that the other has not */
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

One document, YAML or JSON, in \`COURIER_CONFIG\` (its text) or \`COURIER_CONFIG_FILE\` (its path). README has [an example](../README.md#configuration). It is checked whole at start: every fault is listed with its path, and the process exits 78. \`node dist/server.js --check\` (in a clone also \`npx courier-server --check\`) does this and nothing else: it opens no port and makes no call, prints every fault and exits 78, or prints what the configuration means, with warnings, and exits 0. Once the service runs, \`courier doctor\` tries the configuration against Google.

White space around a value is dropped, and a folder's address is taken for its id. Values that can never match are faults: quotes inside a value, several values in one, an audience that is no https URL, a caller that is no address.

This page is made from the schemas that the program itself uses.

## The document

\`NAME\` stands for a name of your own, \`[]\` for each entry of a list. Names of destinations have up to 64 letters, digits, \`_\`, \`.\` and \`-\`. A key that is required is so within what stands above it.

| key | what it says | takes | default |
| --- | --- | --- | --- |
${documentTable()}

## Variables

For one destination, variables alone do, without a document: it is called \`default\`, and so are its credentials. Beside a document, \`COURIER_AUDIENCES\` to \`COURIER_LEDGER\` are a fault. An empty variable counts as absent.

| variable | what it says | default |
| --- | --- | --- |
${variableTable()}

Google's libraries read some of their own: \`GCE_METADATA_HOST\` (the metadata server, which tests replace) and \`FIRESTORE_EMULATOR_HOST\`.

The client reads \`COURIER_URL\` in place of \`--url\`, \`COURIER_GOOGLE_ORIGIN\` as above, and what says who it is: [callers.md](callers.md).
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
  console.error('docs/configuration.md does not say what src/config/ says; run "npm run docs"');
  process.exitCode = 1;
}
