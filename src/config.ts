import { readFileSync } from 'node:fs';
import { parse as parseYaml } from 'yaml';
import { z } from 'zod';
import { CONFLICT_RULES, CONVERSIONS } from './delivery.ts';
import { folderPath } from './file-name.ts';

export const DRIVE_SCOPE = 'https://www.googleapis.com/auth/drive';

const email = z
  .string()
  .regex(/^[^\s@*:/?#\\]+@[^\s@*:/?#\\]+\.[^\s@*.:/?#\\]+$/, 'not an email address')
  .toLowerCase();
const DOMAIN = String.raw`[a-z0-9-]+(\.[a-z0-9-]+)+`;
const domain = new RegExp(`^${DOMAIN}$`, 'i');
const everybodyOf = new RegExp(`^domain:${DOMAIN}$`, 'i');
const subject = /^sub:\d+$/;

/** Who may call: an email, `domain:NAME` or `sub:NUMBER`. */
const principal = z
  .string()
  .refine(
    (text) => everybodyOf.test(text) || subject.test(text) || email.safeParse(text).success,
    'not an email address, "domain:NAME" or "sub:NUMBER"',
  )
  .transform((text) => text.toLowerCase());

const secretName = z
  .string()
  .regex(
    /^projects\/[^/\s]+\/(locations\/[^/\s]+\/)?secrets\/[\w-]+(\/versions\/[\w-]+)?$/,
    "not a secret's name (projects/PROJECT/secrets/NAME/versions/VERSION)",
  )
  .transform((name) => (name.includes('/versions/') ? name : `${name}/versions/latest`));

const share = z
  .discriminatedUnion('type', [
    z.strictObject({ type: z.enum(['user', 'group']), email, role: z.string(), notify: z.boolean().default(false) }),
    z.strictObject({ type: z.literal('domain'), domain: z.string().regex(domain, 'not a domain'), role: z.string() }),
    z.strictObject({ type: z.literal('anyone'), role: z.string() }),
  ])
  .and(z.object({ role: z.enum(['reader', 'commenter', 'writer']) }));

const destination = z
  .strictObject({
    folder: z.string().regex(/^[\w-]{3,128}$/, 'not a Drive folder id'),
    credentials: z.string(),
    callers: z.array(principal).min(1, 'nobody may call: list at least one caller'),
    path: folderPath.default(''),
    onConflict: z.enum(CONFLICT_RULES).default('new'),
    convertTo: z.enum(CONVERSIONS).nullable().default(null),
    share: z.array(share).default([]),
    allowAnyone: z.boolean().default(false),
    maxBytes: z.int().positive().max(5_497_558_138_880).default(5_497_558_138_880),
  })
  .refine(({ share, allowAnyone }) => allowAnyone || share.every(({ type }) => type !== 'anyone'), {
    path: ['share'],
    message: 'shares with everybody on the internet; if that is meant, set "allowAnyone: true" on this destination',
  });

const credential = z
  .strictObject({
    secret: secretName.optional(),
    file: z.string().min(1).optional(),
    impersonate: email.optional(),
    adc: z.literal(true).optional(),
    subject: email.nullable().default(null),
    scopes: z.array(z.url()).min(1).default([DRIVE_SCOPE]),
    cacheSeconds: z.int().min(0).max(86_400).default(300),
  })
  .refine(({ secret, file, impersonate, adc }) => [secret, file, impersonate, adc].filter(Boolean).length === 1, {
    message: 'needs exactly one of secret, file, impersonate, adc',
  })
  .refine(({ adc, subject }) => !(adc && subject), {
    path: ['subject'],
    message: 'cannot go with adc: use impersonate with a subject',
  });

const pubsub = z.strictObject({
  subscriptions: z
    .record(
      z
        .string()
        .regex(
          /^projects\/[^/\s]+\/subscriptions\/[^/\s]{3,255}$/,
          "not a subscription's name (projects/PROJECT/subscriptions/NAME)",
        ),
      z.strictObject({ serviceAccount: email, destinations: z.array(z.string()).min(1) }),
    )
    .default({}),
  deadLetterTopic: z
    .string()
    .regex(/^projects\/[^/\s]+\/topics\/[^/\s]{3,255}$/, "not a topic's name (projects/PROJECT/topics/NAME)")
    .optional(),
  /** For `courierEvent`, whose platform checked the sender: what its events may write to. */
  eventDestinations: z.array(z.string()).default([]),
});

const ledger = z.union(
  [
    z.literal('memory'),
    z.strictObject({
      firestore: z.strictObject({
        project: z.string().optional(),
        database: z.string().default('(default)'),
        collection: z
          .string()
          .regex(/^[^/]{1,200}$/, 'not a collection name')
          .default('deliveries'),
        ttlDays: z.number().positive().max(3650).default(14),
      }),
    }),
  ],
  'needs "memory" or {firestore: {…}}',
);

const limits = z.strictObject({
  bufferBytes: z.int().min(262_144).nullable().default(null),
  concurrentUploads: z.int().positive().max(10_000).default(80),
  requestSeconds: z.int().positive().max(3600).default(3600),
});

/** For zod: to compile a parser takes longer than to parse a configuration once. */
const ONCE = { jitless: true };

/** As much of a document as its references need: they are followed whatever faults it has elsewhere. */
const followable = z.looseObject({
  destinations: z.record(z.string(), z.looseObject({ credentials: z.string() })),
  credentials: z.record(z.string(), z.unknown()),
  pubsub: z.looseObject({
    subscriptions: z.record(z.string(), z.looseObject({ destinations: z.array(z.string()) })),
    eventDestinations: z.array(z.string()),
  }),
});

const document = z
  .strictObject({
    audiences: z.array(z.string().min(1)).min(1, 'needs at least one audience'),
    identity: z.enum(['id-token', 'iap', 'cloud-run-iam']).default('id-token'),
    operators: z.array(principal).default([]),
    destinations: z
      .record(z.string().regex(/^[A-Za-z0-9][\w.-]{0,63}$/, 'not a destination name'), destination)
      .refine((all) => Object.keys(all).length > 0, 'needs at least one destination'),
    credentials: z.record(z.string(), credential),
    ledger: ledger.default('memory'),
    pubsub: pubsub.prefault({}),
    limits: limits.prefault({}),
  })
  .superRefine(
    (config, context) => {
      for (const [name, { credentials }] of Object.entries(config.destinations)) {
        if (!Object.hasOwn(config.credentials, credentials)) {
          context.addIssue({
            code: 'custom',
            path: ['destinations', name, 'credentials'],
            message: `no credentials named "${credentials}"`,
          });
        }
      }
      const named: [PropertyKey[], string[]][] = Object.entries(config.pubsub.subscriptions).map(
        ([name, { destinations }]) => [['pubsub', 'subscriptions', name, 'destinations'], destinations],
      );
      named.push([['pubsub', 'eventDestinations'], config.pubsub.eventDestinations]);
      for (const [path, names] of named) {
        for (const name of names.filter((name) => !Object.hasOwn(config.destinations, name))) {
          context.addIssue({ code: 'custom', path, message: `no destination named "${name}"` });
        }
      }
    },
    { when: ({ value }) => followable.safeParse(value, ONCE).success },
  );

const settings = z.object({
  PORT: z.coerce.number().int().min(0).max(65_535).default(8080),
  LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'silent']).default('info'),
  COURIER_GOOGLE_ORIGIN: z
    .url()
    .refine(
      (text) => URL.canParse(text) && ['127.0.0.1', 'localhost', '[::1]'].includes(new URL(text).hostname),
      'only a loopback address is taken here',
    )
    .transform((text) => text.replace(/\/+$/, ''))
    .optional(),
  /** Cloud Run sets it; its presence is the proof that the platform is Cloud Run. */
  K_SERVICE: z.string().optional(),
  GOOGLE_CLOUD_PROJECT: z.string().optional(),
  FUNCTION_TARGET: z.string().optional(),
  GOOGLE_APPLICATION_CREDENTIALS: z.string().optional(),
  OTEL_EXPORTER_OTLP_ENDPOINT: z.url({ protocol: /^https?$/ }).optional(),
});

export type DestinationConfig = z.infer<typeof destination>;
export type CredentialConfig = z.infer<typeof credential>;
export type ShareConfig = z.infer<typeof share>;
export type PubsubConfig = z.infer<typeof pubsub>;
export type LedgerConfig = z.infer<typeof ledger>;

/** Everything the courier is told. */
export type Config = z.infer<typeof document> & {
  port: number;
  logLevel: z.infer<typeof settings>['LOG_LEVEL'];
  /** Replaces every Google host; development and tests only. */
  googleOrigin: string | undefined;
  onCloudRun: boolean;
  /** True where the courier's own identity surely is the platform's: on Cloud Run, unless a credentials file is named. */
  hasPlatformIdentity: boolean;
  project: string | undefined;
  /** The function that functions-framework serves, unless its command line names another. */
  functionTarget: string | undefined;
  /** Where metrics and traces go (OTLP over HTTP); undefined: nowhere, and nothing is loaded for it. */
  otlpEndpoint: string | undefined;
};

/** All that is wrong with the configuration, one line a fault, each with its path. The process exits 78 (EX_CONFIG). */
export class ConfigError extends Error {
  readonly faults: readonly string[];
  constructor(faults: readonly string[]) {
    super(`The configuration has ${faults.length} fault(s):\n${faults.map((fault) => `  ${fault}`).join('\n')}`);
    this.name = 'ConfigError';
    this.faults = faults;
  }
}

type Environment = Readonly<Record<string, string | undefined>>;

const SINGLE_DESTINATION_VARIABLES = [
  'COURIER_AUDIENCES',
  'COURIER_IDENTITY',
  'COURIER_CALLERS',
  'COURIER_OPERATORS',
  'COURIER_FOLDER',
  'COURIER_SECRET',
  'COURIER_KEY_FILE',
  'COURIER_IMPERSONATE',
  'COURIER_SUBJECT',
  'COURIER_LEDGER',
] as const;

/** How a path in the document is called in the environment form, so that a fault names what the operator wrote. */
const VARIABLE_OF: Readonly<Record<string, string>> = {
  audiences: 'COURIER_AUDIENCES',
  identity: 'COURIER_IDENTITY',
  operators: 'COURIER_OPERATORS',
  ledger: 'COURIER_LEDGER',
  'destinations.default.callers': 'COURIER_CALLERS',
  'destinations.default.folder': 'COURIER_FOLDER',
  'credentials.default.secret': 'COURIER_SECRET',
  'credentials.default.file': 'COURIER_KEY_FILE',
  'credentials.default.impersonate': 'COURIER_IMPERSONATE',
  'credentials.default.subject': 'COURIER_SUBJECT',
  'credentials.default': 'COURIER_SECRET | COURIER_KEY_FILE | COURIER_IMPERSONATE',
};

const list = (text: string | undefined): string[] =>
  (text ?? '')
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');

const fromVariables = (env: Environment): unknown => ({
  audiences: list(env.COURIER_AUDIENCES),
  identity: env.COURIER_IDENTITY,
  operators: list(env.COURIER_OPERATORS),
  destinations: {
    default: { folder: env.COURIER_FOLDER ?? '', credentials: 'default', callers: list(env.COURIER_CALLERS) },
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

type Document = { value: unknown; faults: string[]; fromEnvironment: boolean };

const readDocument = (env: Environment): Document => {
  const text = env.COURIER_CONFIG;
  const file = env.COURIER_CONFIG_FILE;
  if (!text && !file) return { value: fromVariables(env), faults: [], fromEnvironment: true };
  const faults = SINGLE_DESTINATION_VARIABLES.filter((name) => env[name]).map(
    (name) => `${name}: not read beside COURIER_CONFIG or COURIER_CONFIG_FILE; put it into the document`,
  );
  if (text && file) faults.push('COURIER_CONFIG_FILE: give either this or COURIER_CONFIG, not both');
  const where = text ? 'COURIER_CONFIG' : 'COURIER_CONFIG_FILE';
  try {
    return { value: parseYaml(text || readFileSync(file ?? '', 'utf8')), faults, fromEnvironment: false };
  } catch (error) {
    const why = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error);
    return { value: undefined, faults: [...faults, `${where}: cannot be read: ${why}`], fromEnvironment: false };
  }
};

const faultLines = (error: z.ZodError, fromEnvironment: boolean): string[] =>
  error.issues.map(({ path, message }) => {
    const dotted = path.map(String).join('.');
    const variable = fromEnvironment
      ? (VARIABLE_OF[dotted] ?? VARIABLE_OF[path.slice(0, -1).map(String).join('.')])
      : undefined;
    return `${variable ?? (dotted || 'the document')}: ${message}`;
  });

/**
 * Reads and checks the whole configuration. The only reader of the environment.
 * @throws {ConfigError} naming every fault at once.
 */
export const readConfig = (environment: Environment = process.env): Config => {
  const env = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ''));
  const { value, faults, fromEnvironment } = readDocument(env);
  const parsed = value === undefined ? undefined : document.safeParse(value, ONCE);
  if (parsed?.error) faults.push(...faultLines(parsed.error, fromEnvironment));
  const rest = settings.safeParse(env, ONCE);
  if (rest.error) faults.push(...faultLines(rest.error, false));
  if (faults.length > 0 || !parsed?.success || !rest.success) throw new ConfigError(faults);
  const onCloudRun = rest.data.K_SERVICE !== undefined;
  return {
    ...parsed.data,
    port: rest.data.PORT,
    logLevel: rest.data.LOG_LEVEL,
    googleOrigin: rest.data.COURIER_GOOGLE_ORIGIN,
    onCloudRun,
    hasPlatformIdentity: onCloudRun && rest.data.GOOGLE_APPLICATION_CREDENTIALS === undefined,
    project: rest.data.GOOGLE_CLOUD_PROJECT,
    functionTarget: rest.data.FUNCTION_TARGET,
    otlpEndpoint: rest.data.OTEL_EXPORTER_OTLP_ENDPOINT,
  };
};
