import { once } from 'node:events';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Socket } from 'node:net';

/**
 * A gcloud that keeps a project's state, for the scripts that call it: what exists answers, what does not is not found in
 * Google's words, creating twice is an error. It knows the commands that deploy.sh uses and no other; whether Google's
 * gcloud knows them too is for its own linter to say.
 */

export interface ProjectState {
  number: string;
  account: string;
  apis: string[];
  /** Kind (`topics`, `secrets`, …) to name to what `--format=value(…)` can ask for. */
  things: Record<string, Record<string, Record<string, string>>>;
  /** Resource to its bindings, `role member condition`. */
  policies: Record<string, string[]>;
  /** Accounts that IAM does not know everywhere yet: the first binding fails. */
  fresh: string[];
  /** Every command line, as it came. */
  calls: string[][];
  /** Those that changed something. */
  changes: string[];
  /** What goes wrong: the change with this number, before or after it took effect; or a command that is refused. */
  fault?: { change?: number; after?: boolean; refuse?: string; words?: string };
}

export const emptyProject = (): ProjectState => ({
  number: '123456789012',
  account: 'owner@example.com',
  apis: ['storage.googleapis.com'],
  things: { buckets: { 'gs://exports-bucket': { name: 'exports-bucket' } } },
  policies: {},
  fresh: [],
  calls: [],
  changes: [],
});

interface Call {
  words: string[];
  flags: Record<string, string>;
}

class Refusal extends Error {}

const refuse = (text: string): never => {
  throw new Refusal(`ERROR: (gcloud) ${text}`);
};

const parse = (argv: readonly string[]): Call => {
  const call: Call = { words: [], flags: {} };
  for (const argument of argv) {
    const [, name, value] = /^--([\w-]+)(?:=([\s\S]*))?$/.exec(argument) ?? [];
    if (name === undefined) call.words.push(argument);
    else call.flags[name] = value ?? 'true';
  }
  return call;
};

interface Said {
  code: number;
  stdout: string;
  stderr: string;
}

/** One command line, with what came on standard input. */
const run = (state: ProjectState, argv: readonly string[], input: string): Said => {
  const said: Said = { code: 0, stdout: '', stderr: '' };
  const { words, flags } = parse(argv);
  const line = words.join(' ');
  const things = (kind: string): Record<string, Record<string, string>> => {
    state.things[kind] ??= {};
    return state.things[kind];
  };
  const print = (text: string): void => {
    said.stdout = text;
  };

  /** `--format=value(a.b)`: one attribute. */
  const attributeOf = (thing: Record<string, string>): string => {
    const [, attribute = ''] = /^value\((.+)\)$/.exec(flags.format ?? '') ?? refuse(`no format in: ${argv.join(' ')}`);
    return thing[attribute] ?? '';
  };
  const describe = (kind: string, name: string, words: string): void =>
    print(attributeOf(things(kind)[name] ?? refuse(words)));

  const change = (effect: () => void): void => {
    state.changes.push(argv.join(' '));
    const isCut = state.fault?.change === state.changes.length;
    if (!isCut || state.fault?.after) effect();
    if (isCut) refuse('There was a problem: HTTPSConnectionPool: Connection reset by peer.');
  };
  const create = (kind: string, name: string, attributes: Record<string, string>): void =>
    change(() => {
      if (things(kind)[name] !== undefined)
        refuse(`ALREADY_EXISTS: Resource already exists in the project (resource=${name}).`);
      things(kind)[name] = { name, ...attributes };
    });
  const remove = (kind: string, name: string): void =>
    change(() => {
      if (things(kind)[name] === undefined) refuse(`NOT_FOUND: Resource not found (resource=${name}).`);
      delete things(kind)[name];
    });
  const need = (kind: string, name: string | undefined): void => {
    if (things(kind)[name ?? ''] === undefined) refuse(`NOT_FOUND: Resource not found (resource=${name}).`);
  };
  const needAccount = (email = ''): void => {
    if (email.endsWith(`@${flags.project}.iam.gserviceaccount.com`)) need('accounts', email);
  };

  /** Reads and changes of policies, of anything. */
  const policy = (verb: string, resource: string): void => {
    const bindings = state.policies[resource] ?? [];
    if (verb === 'get-iam-policy') {
      if (flags.format !== 'value(bindings.role,bindings.members)') refuse(`no format in: ${argv.join(' ')}`);
      print(bindings.map((binding) => binding.split(' ').slice(0, 2).join('\t')).join('\n'));
      return;
    }
    const member = flags.member ?? '';
    const email = member.replace(/^[a-zA-Z]+:/, '');
    const key = `${flags.role} ${member} ${flags.condition ?? ''}`;
    change(() => {
      if (verb === 'remove-iam-policy-binding') {
        state.policies[resource] = bindings.filter((binding) => !binding.startsWith(`${flags.role} ${member} `));
        return;
      }
      if (state.fresh.includes(email)) {
        state.fresh = state.fresh.filter((other) => other !== email);
        state.changes.pop();
        refuse(`INVALID_ARGUMENT: Service account ${email} does not exist.`);
      }
      state.policies[resource] = [...new Set([...bindings, key])];
    });
  };

  const commands: [RegExp, (match: RegExpExecArray) => void][] = [
    [/^auth list$/, () => print(state.account)],
    [/^config get-value (\S+)$/, () => print('')],
    [
      /^projects describe (\S+)$/,
      ([, id = '']) =>
        id === 'no-such-project'
          ? refuse(`PERMISSION_DENIED: The caller does not have permission`)
          : print(state.number),
    ],
    [/^services list$/, () => print(state.apis.join('\n'))],
    [/^services enable (.+)$/, ([, apis = '']) => change(() => void state.apis.push(...apis.split(' ')))],
    [
      /^(.+) (get-iam-policy|(?:add|remove)-iam-policy-binding) (\S+)$/,
      ([, group, verb = '', name]) => policy(verb, `${group} ${name}`),
    ],
    [
      /^iam service-accounts describe (\S+)$/,
      ([, email = '']) => describe('accounts', email, `NOT_FOUND: Unknown service account`),
    ],
    [
      /^iam service-accounts create (\S+)$/,
      ([, id]) => {
        const email = `${id}@${flags.project}.iam.gserviceaccount.com`;
        create('accounts', email, { email });
        state.fresh.push(email);
      },
    ],
    [/^iam service-accounts delete (\S+)$/, ([, email = '']) => remove('accounts', email)],
    [
      /^iam service-accounts keys list$/,
      () =>
        print(Object.values(things('keys')).some(({ account }) => account === flags['iam-account']) ? 'feedbeef' : ''),
    ],
    [
      /^iam service-accounts keys create -$/,
      () => {
        needAccount(flags['iam-account']);
        create('keys', String(Object.keys(things('keys')).length), { account: flags['iam-account'] ?? '' });
        print(JSON.stringify({ type: 'service_account', private_key: 'THE-PRIVATE-KEY' }));
      },
    ],
    [
      /^secrets describe (\S+)$/,
      ([, name = '']) => describe('secrets', name, `NOT_FOUND: Secret [${name}] not found.`),
    ],
    [/^secrets create (\S+)$/, ([, name = '']) => create('secrets', name, {})],
    [/^secrets delete (\S+)$/, ([, name = '']) => remove('secrets', name)],
    [
      /^secrets versions list (\S+)$/,
      ([, name = '']) => print(things('secrets')[name]?.version === undefined ? '' : '1'),
    ],
    [
      /^secrets versions add (\S+)$/,
      ([, name = '']) => {
        need('secrets', name);
        if (!input.includes('THE-PRIVATE-KEY')) refuse('INVALID_ARGUMENT: the data is empty.');
        change(() => {
          things('secrets')[name] = { ...things('secrets')[name], version: '1' };
        });
      },
    ],
    [
      /^firestore databases describe$/,
      () =>
        describe(
          'databases',
          flags.database ?? '',
          `NOT_FOUND: Project '${flags.project}' or database '${flags.database}' does not exist.`,
        ),
    ],
    [/^firestore databases create$/, () => create('databases', flags.database ?? '', { type: 'FIRESTORE_NATIVE' })],
    [
      /^firestore fields ttls list$/,
      () => print(things('ttls')[flags['collection-group'] ?? ''] === undefined ? '' : 'ACTIVE'),
    ],
    [/^firestore fields ttls update expireAt$/, () => create('ttls', flags['collection-group'] ?? '', {})],
    [
      /^pubsub topics describe (\S+)$/,
      ([, name = '']) => describe('topics', name, `NOT_FOUND: Resource not found (resource=${name}).`),
    ],
    [/^pubsub topics create (\S+)$/, ([, name = '']) => create('topics', name, {})],
    [/^pubsub topics delete (\S+)$/, ([, name = '']) => remove('topics', name)],
    [
      /^pubsub subscriptions describe (\S+)$/,
      ([, name = '']) => describe('subscriptions', name, `NOT_FOUND: Resource not found (resource=${name}).`),
    ],
    [
      /^pubsub subscriptions create (\S+)$/,
      ([, name = '']) => {
        need('topics', flags.topic);
        if (flags['dead-letter-topic'] !== undefined) need('topics', flags['dead-letter-topic']);
        needAccount(flags['push-auth-service-account']);
        create('subscriptions', name, { 'pushConfig.pushEndpoint': flags['push-endpoint'] ?? '' });
      },
    ],
    [
      /^pubsub subscriptions modify-push-config (\S+)$/,
      ([, name = '']) =>
        change(() => {
          things('subscriptions')[name] = { name, 'pushConfig.pushEndpoint': flags['push-endpoint'] ?? '' };
        }),
    ],
    [/^pubsub subscriptions delete (\S+)$/, ([, name = '']) => remove('subscriptions', name)],
    [/^run services describe (\S+)$/, ([, name = '']) => describe('services', name, `Cannot find service [${name}]`)],
    [
      /^run deploy (\S+)$/,
      ([, name = '']) => {
        needAccount(flags['service-account']);
        const [, digest = ''] = /^courier-digest=(\w+)$/.exec(flags.labels ?? '') ?? refuse('no digest');
        change(() => {
          const environment = readFileSync(flags['env-vars-file'] ?? '', 'utf8');
          things('services')[name] = { name, 'metadata.labels.courier-digest': digest, environment };
        });
      },
    ],
    [/^run services delete (\S+)$/, ([, name = '']) => remove('services', name)],
    [
      /^eventarc triggers describe (\S+)$/,
      ([, name = '']) => describe('triggers', name, `NOT_FOUND: Resource 'triggers/${name}' was not found`),
    ],
    [
      /^eventarc triggers create (\S+)$/,
      ([, name = '']) => {
        need('services', flags['destination-run-service']);
        needAccount(flags['service-account']);
        create('triggers', name, {});
      },
    ],
    [/^eventarc triggers delete (\S+)$/, ([, name = '']) => remove('triggers', name)],
    [/^storage service-agent$/, () => print(`service-${state.number}@gs-project-accounts.iam.gserviceaccount.com`)],
    [/^storage buckets describe (\S+)$/, ([, name = '']) => describe('buckets', name, `${name} not found: 404.`)],
    [
      /^storage buckets notifications list (\S+)$/,
      ([, name = '']) => print(things('notifications')[name]?.topic ?? ''),
    ],
    [
      /^storage buckets notifications create (\S+)$/,
      ([, name = '']) => {
        need('buckets', name);
        create('notifications', name, { topic: `//pubsub.googleapis.com/${flags.topic}` });
      },
    ],
  ];

  state.calls.push([...argv]);
  try {
    if (state.fault?.refuse !== undefined && line.startsWith(state.fault.refuse)) refuse(state.fault.words ?? '');
    const [found] = commands.flatMap(([pattern, work]) => {
      const match = pattern.exec(line);
      return match === null ? [] : [() => work(match)];
    });
    if (found === undefined) refuse(`this gcloud does not know: ${argv.join(' ')}`);
    found?.();
    return said;
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return { code: 1, stdout: '', stderr: error.message };
  }
};

/** What stands for gcloud on the PATH: it hands everything on, which takes a few milliseconds where a Node would take many. */
const CLIENT = `#!/usr/bin/env bash
exec 3<>"/dev/tcp/127.0.0.1/$FAKE_GCLOUD_PORT"
input=
if [[ " $* " == *" --data-file=- "* ]]; then input=$(cat); fi
printf '%s\\0' "$FAKE_PROJECT" "input:$input" "$@" '' >&3
IFS= read -r code <&3 && IFS= read -r out <&3 && IFS= read -r err <&3
if [ -n "$out" ]; then printf '%s\\n' "\${out//$'\\037'/$'\\n'}"; fi
if [ -n "$err" ]; then printf '%s\\n' "\${err//$'\\037'/$'\\n'}" >&2; fi
exit "$code"
`;

const END = '\0\0';
const oneLine = (text: string): string => text.replaceAll('\n', '\x1f');

export interface RecordingGcloud {
  /** For the scripts' environment, beside a PATH on which the client is found. */
  port: string;
  /** By the name in FAKE_PROJECT. */
  projects: Map<string, ProjectState>;
  close(): Promise<void>;
}

/** @param clientPath where the program called `gcloud` is put */
export const startRecordingGcloud = async (clientPath: string): Promise<RecordingGcloud> => {
  writeFileSync(clientPath, CLIENT);
  chmodSync(clientPath, 0o755);
  const projects = new Map<string, ProjectState>();
  const answer = (socket: Socket, text: string): void => {
    const [project = '', input = '', ...argv] = text.split('\0');
    const state = projects.get(project);
    const { code, stdout, stderr } =
      state === undefined ? { code: 1, stdout: '', stderr: 'no such state' } : run(state, argv, input);
    socket.end(`${code}\n${oneLine(stdout)}\n${oneLine(stderr)}\n`);
  };
  const server = createServer((socket) => {
    let text = '';
    socket.on('error', () => socket.destroy());
    socket.on('data', (part: Buffer) => {
      text += part.toString();
      if (text.endsWith(END)) answer(socket, text.slice(0, -END.length));
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: String((server.address() as AddressInfo).port),
    projects,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
};
