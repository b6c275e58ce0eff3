import { type Call, type Command, refuse } from './call.ts';

/** https://cloud.google.com/iam/docs/reference/rest/v1/projects.locations.workloadIdentityPools/create */
const POOL_ID = /^(?!gcp-)[a-z0-9-]{4,32}$/;

const needPoolId = (id: string): void => {
  if (!POOL_ID.test(id))
    refuse(
      `INVALID_ARGUMENT: The ID "${id}" must be 4-32 characters, and may contain the characters [a-z0-9-]. The prefix "gcp-" is reserved.`,
    );
};

/** Google does not reveal whether a missing account exists. */
const mayNotExist = (permission: string, email: string): string =>
  `PERMISSION_DENIED: Permission '${permission}' denied on resource (or it may not exist). This command is authenticated as owner@example.com: ${email}`;

/** Members must exist. New accounts, and Google's own, take a while to be known everywhere. */
const needMember = ({ state, flags, things, refuseWhileLagging }: Call): void => {
  const email = (flags.member ?? '').replace(/^[a-zA-Z]+:/, '');
  const isOfProject = /@my-project\.iam\.gserviceaccount\.com$/.test(email);
  if (state.fresh.includes(email) || (isOfProject && things('accounts')[email] === undefined)) {
    state.fresh = state.fresh.filter((other) => other !== email);
    refuse(`INVALID_ARGUMENT: Service account ${email} does not exist.`);
  }
  if (/^service-\d+@gcp-sa-pubsub/.test(email))
    refuseWhileLagging('agent', `INVALID_ARGUMENT: Service account ${email} does not exist.`);
};

interface Binding {
  role: string;
  member: string;
  title: string;
  expression: string;
}

const bindingOf = (text: string): Binding => {
  const [, role = '', member = '', condition = ''] = /^(\S+) (\S+) (.*)$/.exec(text) ?? [];
  const [, title = '', expression = ''] = /^title=([^,]*),expression=(.*)$/.exec(condition) ?? [];
  return { role, member, title, expression };
};

/** The columns of each format that the scripts request. */
const POLICY_COLUMNS: Readonly<Record<string, (binding: Binding) => string[]>> = {
  'value(bindings.role,bindings.members)': ({ role, member }) => [role, member],
  'value(bindings.role,bindings.members,bindings.condition.title,bindings.condition.expression)': (binding) =>
    Object.values(binding),
};

/** Reads and changes the policy of any resource. */
const policy = (call: Call, verb: string, resource: string): void => {
  const { state, flags, argv, print, change } = call;
  const bindings = state.policies[resource] ?? [];
  if (verb === 'get-iam-policy') {
    if (resource.startsWith('iam service-accounts '))
      call.refuseWhileLagging('account', mayNotExist('iam.serviceAccounts.getIamPolicy', resource));
    const columns = POLICY_COLUMNS[flags.format ?? ''] ?? refuse(`no format in: ${argv.join(' ')}`);
    print(bindings.map((binding) => columns(bindingOf(binding)).join('\t')).join('\n'));
    return;
  }
  const member = flags.member ?? '';
  change(() => {
    if (verb === 'remove-iam-policy-binding') {
      const isOne = `${flags.role} ${member} ${flags.condition ?? 'None'}`;
      const isRemoved = (binding: string): boolean =>
        flags.all === undefined ? binding === isOne : binding.startsWith(`${flags.role} ${member} `);
      // gcloud removes a conditional binding only with that condition, or with --all.
      if (!bindings.some(isRemoved))
        refuse('Policy binding with the specified principal, role, and condition not found!');
      state.policies[resource] = bindings.filter((binding) => !isRemoved(binding));
      return;
    }
    needMember(call);
    state.policies[resource] = [...new Set([...bindings, `${flags.role} ${member} ${flags.condition ?? ''}`])];
  });
};

export const IAM: Command[] = [
  [
    /^(.+) (get-iam-policy|(?:add|remove)-iam-policy-binding) (\S+)$/,
    (call, [, group = '', verb = '', name = '']) => {
      if (group === 'iam service-accounts') call.needAccount(name);
      if (group === 'run services' && call.state.services[name] === undefined) refuse(`Cannot find service [${name}]`);
      policy(call, verb, `${group} ${name}`);
    },
  ],
  [
    /^iam service-accounts list$/,
    ({ flags, things, printAttributes, argv, print }) => {
      const [, email = ''] = /^email=(\S+)$/.exec(flags.filter ?? '') ?? refuse(`no filter in: ${argv.join(' ')}`);
      const found = things('accounts')[email];
      if (found === undefined) print('');
      else printAttributes(found);
    },
  ],
  [
    /^iam service-accounts describe (\S+)$/,
    ({ describe }, [, email = '']) => describe('accounts', email, mayNotExist('iam.serviceAccounts.get', email)),
  ],
  [
    /^iam service-accounts create (\S+)$/,
    ({ state, flags, create }, [, id = '']) => {
      if (!/^[a-z][a-z0-9-]{4,28}[a-z0-9]$/.test(id)) refuse(`INVALID_ARGUMENT: "${id}" is no account id.`);
      const email = `${id}@${flags.project}.iam.gserviceaccount.com`;
      create('accounts', email, { email });
      state.fresh.push(email);
    },
  ],
  [/^iam service-accounts delete (\S+)$/, ({ remove }, [, email = '']) => remove('accounts', email)],
  [
    /^iam service-accounts keys list$/,
    ({ flags, things, print }) =>
      print(Object.values(things('keys')).some(({ account }) => account === flags['iam-account']) ? 'feedbeef' : ''),
  ],
  [
    /^iam service-accounts keys create -$/,
    ({ flags, things, needAccount, create, print }) => {
      needAccount(flags['iam-account']);
      create('keys', String(Object.keys(things('keys')).length), { account: flags['iam-account'] ?? '' });
      print(JSON.stringify({ type: 'service_account', private_key: 'THE-PRIVATE-KEY' }));
    },
  ],
  [
    /^iam workload-identity-pools describe (\S+)$/,
    ({ describe }, [, id = '']) => describe('pools', id, `NOT_FOUND: Requested entity was not found.`),
  ],
  [
    /^iam workload-identity-pools create (\S+)$/,
    ({ create }, [, id = '']) => {
      needPoolId(id);
      create('pools', id);
    },
  ],
  [
    /^iam workload-identity-pools providers describe (\S+)$/,
    ({ describe }, [, id = '']) => describe('providers', id, `NOT_FOUND: Requested entity was not found.`),
  ],
  [
    /^iam workload-identity-pools providers create-aws (\S+)$/,
    ({ flags, need, create }, [, id = '']) => {
      needPoolId(id);
      need('pools', flags['workload-identity-pool']);
      create('providers', id);
    },
  ],
  [/^iam workload-identity-pools create-cred-config (\S+)$/, ({ change }) => change(() => {})],
];
