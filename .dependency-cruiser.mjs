// The design's import directions: entry points → protocols → the story and its steps → rooms → errors and domain types.
const ROOMS = ['identity', 'credentials', 'drive', 'ledger', 'google', 'sheets'];
const DOMAIN =
  '^src/((domain|errors|error-codes|bearer|digest|log|log-pretty|redact|refreshing-value|look-age|sleep|page-tokens|steady-clock|turns|unanswered-requests)\\.ts$|text/|config/)';
const PROTOCOLS = '^src/(http|pubsub|exports|archives)/';
const ENTRY_POINTS = '^src/(server|function|start|courier|destinations)\\.ts$';
const STORIES = '^src/(deliver\\.ts$|upload-sessions/)';

/** The files of each room that others may import; the rest is private to the room. */
const DOORS = {
  identity: ['authenticate', 'policy', 'push'],
  credentials: [
    'create-drive-auth',
    'drive-auth',
    'runtime/platform',
    'runtime/runtime-identity',
    'runtime/runtime-project',
  ],
  drive: [
    'create-drive',
    'drive',
    'pacing',
    'past-max-bytes',
    'shared-work',
    'upload-counts',
    'upload/(buffer-budget|verify)',
  ],
  'caller-limits': ['caller-limits'],
  sheets: ['a1', 'create-sheets', 'media-types', 'rows/(batches|read-rows)', 'sheets', 'unanswered-changes'],
  ledger: ['day-counters', 'firestore', 'lease', 'ledger', 'memory'],
  google: ['create-transport', 'transport'],
  http: [
    'app',
    'capacity',
    'dependencies',
    'document-memory',
    'request-context',
    'problem',
    'request/(body-headers|json-body|options)',
    'server/(functions-framework|http-server|node-listener)',
  ],
  archives: ['entry', 'entry-place', 'tar', 'zip'],
  pubsub: ['dead-letter', 'events', 'message', 'publish', 'push', 'receipts'],
  exports: [
    'bigquery/(job|open-query|parameters|query-errors)',
    'bytes/[^/]+',
    'export-document',
    'json/(exact-json|outline|scanner)',
    'object-place',
    'prefix/(prefix|prefix-access|prefix-files|list-objects)',
    'query-source',
    'source-access',
    'sources/(cloud-storage|inline|object-name|storage-refusal)',
  ],
  delivery: [
    'audit',
    'checks/(check-plan|check-request)',
    'file-account',
    'hidden-file',
    'idempotency',
    'naming/(folders|named-file|names|spreadsheet)',
    'plan',
    'policy',
    'receipt',
    'resolve-options',
    'retention',
    'sharing',
    'store/(store-file|upload-step)',
  ],
  'upload-sessions': ['complete', 'open'],
  doctor: ['dependencies', 'examine', 'readiness', 'report-text'],
};

const room = (name) => ({
  name: `${name}-stands-alone`,
  comment: `src/${name} imports only itself, the domain types, and the types of other rooms.`,
  severity: 'error',
  from: { path: `^src/${name}/` },
  to: { path: '^src/', pathNot: [`^src/${name}/`, DOMAIN], dependencyTypesNot: ['type-only'] },
});

const door = ([name, files]) => ({
  name: `${name}-is-entered-by-its-doors`,
  comment: `Files outside src/${name} import only its interface and factories.`,
  severity: 'error',
  from: { path: '^src/', pathNot: `^src/${name}/` },
  to: { path: `^src/${name}/`, pathNot: `^src/${name}/(${files.join('|')})\\.ts$` },
});

const only = (name, from, to, comment) => ({ name, comment, severity: 'error', from, to });

export default {
  forbidden: [
    ...ROOMS.map(room),
    ...Object.entries(DOORS).map(door),
    only('no-cycles', {}, { circular: true }, 'A cycle hides which way things point.'),
    only(
      'domain-imports-no-room',
      { path: DOMAIN },
      { path: '^src/', pathNot: DOMAIN },
      'Domain types, errors and text helpers are at the bottom.',
    ),
    only(
      'rooms-know-no-caller',
      { path: `^src/(${ROOMS.join('|')})/` },
      { path: [PROTOCOLS, ENTRY_POINTS, STORIES, '^src/delivery/'] },
      'Imports point down only, types too.',
    ),
    only(
      'stories-know-no-protocol',
      { path: STORIES },
      { path: [PROTOCOLS, ENTRY_POINTS] },
      'A delivery does not know which protocol it came by.',
    ),
    only(
      'steps-know-no-story',
      { path: '^src/delivery/' },
      { path: [PROTOCOLS, ENTRY_POINTS, STORIES] },
      'A step does not know which story uses it.',
    ),
    only(
      'protocols-know-no-room',
      { path: PROTOCOLS },
      { path: `^src/(${ROOMS.join('|')})/`, dependencyTypesNot: ['type-only'] },
      'Protocols reach the rooms through the stories; dependencies are passed in.',
    ),
    only(
      'only-the-composition-root-loads-the-doctor',
      { path: '^src/', pathNot: '^src/(doctor/|courier\\.ts$)' },
      { path: '^src/doctor/' },
      'The doctor examines the rooms; no room knows the doctor. It is loaded when it is asked for.',
    ),
    only(
      'doctor-knows-no-protocol',
      { path: '^src/doctor/' },
      {
        path: [PROTOCOLS, ENTRY_POINTS, STORIES],
        pathNot: '^src/exports/(sources/storage-refusal|bigquery/(job|parameters|query-errors))\\.ts$',
      },
      'The doctor uses the rooms by their types, some steps, and how Cloud Storage and BigQuery are asked and their refusals explained.',
    ),
    only(
      'client-stands-alone',
      { path: '^src/client/' },
      { path: '^src/', pathNot: ['^src/client/', DOMAIN] },
      'Callers install the client; nothing of the service belongs in it.',
    ),
    only(
      'src-is-self-contained',
      { path: '^src/' },
      { path: '^(local|test|bench)/' },
      'The product ships without its laptop Google and tests.',
    ),
    only(
      'local-is-no-test',
      { path: '^local/' },
      { path: '^(test|bench)/' },
      'The local Google is a program of its own.',
    ),
    only(
      'local-google-judges-blindly',
      { path: '^local/google/' },
      { path: '^src/' },
      'A stand-in that shares code with what it judges would share its mistakes.',
    ),
    only(
      'only-drive-names-drive',
      { path: '^src/', pathNot: '^src/drive/' },
      { path: 'node_modules/googleapis/' },
      'Only drive/ names the Drive API.',
    ),
    only(
      'only-sheets-parses-csv',
      { path: '^src/', pathNot: '^src/sheets/' },
      { path: 'node_modules/csv-parse' },
      'Only sheets/ reads CSV.',
    ),
    only(
      'only-credentials-names-secrets',
      { path: '^src/', pathNot: '^src/credentials/' },
      { path: 'node_modules/@google-cloud/secret-manager' },
      'Only credentials/ names Secret Manager.',
    ),
    only(
      'only-ledger-names-firestore',
      { path: '^src/', pathNot: '^src/ledger/' },
      { path: 'node_modules/@google-cloud/firestore' },
      'Only ledger/ names Firestore.',
    ),
    only(
      'only-identity-parses-tokens',
      { path: '^src/', pathNot: '^src/identity/' },
      { path: 'node_modules/jose' },
      'Only identity/ parses a token.',
    ),
    only('resolvable', {}, { couldNotResolve: true }, 'Every import exists.'),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      extensions: ['.ts', '.js', '.mjs', '.json'],
      exportsFields: ['exports'],
      conditionNames: ['drive-courier-source', 'node', 'import', 'require', 'default', 'types'],
    },
  },
};
