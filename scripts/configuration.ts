// Writes docs/configuration.md from the schemas of src/config/. With --check, exits with 1 if the page is out of date.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { settings } from '../src/config/config.ts';
import { document } from '../src/config/schema/document.ts';
import { setVariables } from '../src/config/variables.ts';
import { code, defaultOf, isSchema, keysOf, merged } from './configuration/keys.ts';
import { MEANINGS, VARIABLES } from './configuration/meanings.ts';

const PAGE = fileURLToPath(new URL('../docs/configuration.md', import.meta.url));

const shown = (value: unknown): string => {
  if (value === undefined) return '';
  // Its keys have lines of their own.
  if (isSchema(value) && !Array.isArray(value)) return code('{}');
  return code(typeof value === 'string' ? value || '""' : JSON.stringify(value));
};

/** @throws when one list has a name that the other lacks */
const checkSame = (what: string, meant: readonly string[], there: readonly string[]): void => {
  const odd = [...meant.filter((name) => !there.includes(name)), ...there.filter((name) => !meant.includes(name))];
  if (odd.length > 0)
    throw new Error(`scripts/configuration/meanings.ts and src/config/ differ in ${what}: ${odd.join(', ')}`);
};

/** Keys that another key can replace. */
const INSTEAD: Readonly<Record<string, string>> = { 'destinations.NAME.folder': 'spreadsheet' };

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
      const other = INSTEAD[path];
      // In the schema, null stands for the other key.
      if (other !== undefined) return `| \`${path}\` | ${meaning}. | text | required, or \`${other}\` |`;
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
