/** Environment variables; an empty one counts as absent. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** The variable for each path in the document, so that a fault names what the operator set. */
const VARIABLE_OF: Readonly<Record<string, string>> = {
  audiences: 'COURIER_AUDIENCES',
  identity: 'COURIER_IDENTITY',
  operators: 'COURIER_OPERATORS',
  ledger: 'COURIER_LEDGER',
  'destinations.default.callers': 'COURIER_CALLERS',
  'destinations.default.sources': 'COURIER_SOURCES',
  'destinations.default.folder': 'COURIER_FOLDER',
  'credentials.default.secret': 'COURIER_SECRET',
  'credentials.default.file': 'COURIER_KEY_FILE',
  'credentials.default.impersonate': 'COURIER_IMPERSONATE',
  'credentials.default.subject': 'COURIER_SUBJECT',
  'credentials.default': 'COURIER_SECRET | COURIER_KEY_FILE | COURIER_IMPERSONATE',
};

/** The variable for a path of the document, or for its parent. */
export const variableOf = (path: readonly PropertyKey[]): string | undefined =>
  VARIABLE_OF[path.map(String).join('.')] ?? VARIABLE_OF[path.slice(0, -1).map(String).join('.')];

const SINGLE_DESTINATION_VARIABLES = [
  'COURIER_AUDIENCES',
  'COURIER_IDENTITY',
  'COURIER_CALLERS',
  'COURIER_OPERATORS',
  'COURIER_FOLDER',
  'COURIER_SOURCES',
  'COURIER_SECRET',
  'COURIER_KEY_FILE',
  'COURIER_IMPERSONATE',
  'COURIER_SUBJECT',
  'COURIER_LEDGER',
] as const;

/** The variables of the environment form that are set. They are not used together with a document. */
export const setVariables = (env: Environment): string[] => SINGLE_DESTINATION_VARIABLES.filter((name) => env[name]);

const list = (text: string | undefined): string[] =>
  (text ?? '')
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');

/** The environment form: a document with one destination, named `default`. */
export const fromVariables = (env: Environment): unknown => ({
  audiences: list(env.COURIER_AUDIENCES),
  identity: env.COURIER_IDENTITY,
  operators: list(env.COURIER_OPERATORS),
  destinations: {
    default: {
      folder: env.COURIER_FOLDER || undefined,
      credentials: 'default',
      callers: list(env.COURIER_CALLERS),
      sources: list(env.COURIER_SOURCES),
    },
  },
  credentials: {
    default: {
      secret: env.COURIER_SECRET || undefined,
      file: env.COURIER_KEY_FILE || undefined,
      impersonate: env.COURIER_IMPERSONATE || undefined,
      subject: env.COURIER_SUBJECT || null,
    },
  },
  ledger: env.COURIER_LEDGER === 'firestore' ? { firestore: {} } : env.COURIER_LEDGER || 'memory',
});
