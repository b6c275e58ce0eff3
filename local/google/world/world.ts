import { isPossibleMember } from '../sts/resource-ids.ts';
import { createTokenRegistry, type TokenRegistry } from './access-tokens.ts';
import { type IdTokenOptions, issueIapToken, issueIdToken, issueOidcToken } from './id-tokens.ts';
import { initialState, newServiceAccount, numericIdOf } from './initial.ts';
import { type KeyFile, type KeyFiles, keyFileOf, REAL_TOKEN_URI, writeKeyFiles } from './key-files.ts';
import { newKeyId, newRsaKey, rsaKeyNamed } from './keys.ts';
import { EMAILS, FEDERATION, PROJECT, SECRET } from './names.ts';
import { type SecretCabinet, secretCabinet } from './secrets.ts';
import { loadState, type ServiceAccount, type ServiceAccountKey, saveState, type WorldState } from './state.ts';

/**
 * The accounts, keys, secrets and grants of this Google, with the methods by which tests change them. Every change is
 * saved at once.
 */
export interface World {
  state: WorldState;
  tokens: TokenRegistry;
  secrets: SecretCabinet;
  emails: typeof EMAILS;
  project: typeof PROJECT;
  /** `projects/local-project/secrets/drive-key`. Version 1 is the courier's key. */
  secret: string;
  /** Paths of the credential files in `DATA/keys`, by name: `courier`, `exporter`, `authorized-user-alice`, `external-account-aws`, … */
  keyFiles: KeyFiles;
  save(): void;
  /** Writes the credential files again, with the current keys. */
  writeKeyFiles(origin: string): void;

  idToken(options: Omit<IdTokenOptions, 'includeEmail'> & { includeEmail?: boolean }): string;
  iapToken(options: { email: string; audience: string; claims?: Readonly<Record<string, unknown>> }): string;
  /** A subject token of the federated OIDC issuer; `sub` is `local-workload` unless given. */
  oidcToken(claims?: Readonly<Record<string, unknown>>): string;
  /** Mints an access token directly, without an endpoint. */
  accessToken(email: string, scopes: readonly string[]): string;
  /** Makes all access tokens that were minted so far invalid. */
  expireAccessTokens(): void;

  disableApi(api: string): void;
  enableApi(api: string): void;
  /** @returns its `sub` */
  addUser(email: string, displayName?: string): string;
  removeUser(email: string): void;
  addServiceAccount(email: string): ServiceAccount;
  setServiceAccountDisabled(email: string, disabled: boolean): void;
  /** Adds a key and returns its key file, whose `token_uri` is Google's own. */
  addKey(email: string): Promise<KeyFile>;
  /** Without an ID, it applies to all keys of the account. */
  deleteKey(email: string, keyId?: string): void;
  setKeyDisabled(email: string, disabled: boolean, keyId?: string): void;
  /** The account's Google-managed key. It is generated when it is first needed. */
  systemKey(email: string): Promise<ServiceAccountKey>;
  /** The key file of the newest key, with Google's own `token_uri`. */
  keyFile(email: string): KeyFile;
  /** Grants scopes to the account's client ID, as a Workspace administrator does. By default there are none. */
  delegate(email: string, scopes: readonly string[]): void;
  /** `member`: `serviceAccount:EMAIL`, `user:EMAIL`, `principalSet://…`. */
  grant(targetEmail: string, member: string, role?: string): void;
  revokeGrant(targetEmail: string, member: string): void;
  /**
   * Grants a role on the whole project, for example `roles/secretmanager.secretAccessor`. An account with this role
   * learns which secrets do not exist.
   */
  grantOnProject(member: string, role: string): void;
  revokeRefreshToken(email: string): void;
  /** False, as on Compute Engine and App Engine flexible, silently ignores requested scopes. */
  setMetadata(change: Partial<WorldState['metadata']>): void;
  /** Makes the next key sign and publishes a new one. The old key stays published until the next rotation. */
  rotateSigningKeys(): Promise<void>;
}

export async function openWorld(dataDir: string, now: () => number): Promise<World> {
  const found = loadState(dataDir);
  const state = found ?? (await initialState(now()));
  const save = (): void => saveState(dataDir, state);
  const tokens = createTokenRegistry(state, save, now);
  const secrets = secretCabinet(state, save, now);

  const account = (email: string): ServiceAccount => {
    const known = state.serviceAccounts.find((each) => each.email === email);
    if (known === undefined) throw new Error(`No service account ${email} in this world.`);
    return known;
  };
  const changeKeys = (
    email: string,
    keyId: string | undefined,
    change: (account: ServiceAccount, id: string) => void,
  ): void => {
    const target = account(email);
    const ids = target.keys.map(({ id }) => id).filter((id) => keyId === undefined || id === keyId);
    if (ids.length === 0) throw new Error(`${email} has no such key.`);
    for (const id of ids) change(target, id);
    save();
  };

  const world: World = {
    state,
    tokens,
    secrets,
    emails: EMAILS,
    project: PROJECT,
    secret: `projects/${PROJECT.id}/secrets/${SECRET}`,
    keyFiles: {},
    save,
    writeKeyFiles(origin) {
      world.keyFiles = writeKeyFiles(dataDir, origin, state, world.oidcToken());
    },

    idToken: (options) => issueIdToken(state, now(), { includeEmail: true, ...options }),
    iapToken: (options) => issueIapToken(state, now(), options),
    oidcToken: (claims = {}) =>
      issueOidcToken(state, now(), { aud: `https:${FEDERATION.oidcProvider}`, sub: 'local-workload', ...claims }),
    accessToken(email, scopes) {
      const kind = email.endsWith('.gserviceaccount.com') ? 'serviceAccount' : 'user';
      return tokens.mint({
        kind,
        email,
        scopes: [...scopes],
        expiresAtMs: now() + 3_600_000,
        project: state.project.id,
      });
    },
    expireAccessTokens() {
      state.tokensValidFromMs = now() + 1;
      save();
    },

    disableApi(api) {
      state.apis = state.apis.filter((each) => each !== api);
      save();
    },
    enableApi(api) {
      state.apis = [...new Set([...state.apis, api])];
      save();
    },
    addUser(email, displayName = email) {
      const sub = numericIdOf(email);
      state.users.push({ email, displayName, sub });
      save();
      return sub;
    },
    removeUser(email) {
      state.users = state.users.filter((each) => each.email !== email);
      save();
    },
    addServiceAccount(email) {
      const added = newServiceAccount(email);
      state.serviceAccounts.push(added);
      save();
      return added;
    },
    setServiceAccountDisabled(email, disabled) {
      account(email).disabled = disabled;
      save();
    },
    async addKey(email) {
      const key = { id: newKeyId(), privateKeyPem: await newRsaKey(), disabled: false };
      account(email).keys.push(key);
      save();
      return keyFileOf(state.project.id, account(email), key, REAL_TOKEN_URI);
    },
    deleteKey: (email, keyId) =>
      changeKeys(email, keyId, (target, id) => {
        target.keys = target.keys.filter((key) => key.id !== id);
      }),
    setKeyDisabled: (email, disabled, keyId) =>
      changeKeys(email, keyId, (target, id) => {
        for (const key of target.keys) if (key.id === id) key.disabled = disabled;
      }),
    async systemKey(email) {
      const target = account(email);
      if (target.systemKey === undefined) {
        const privateKeyPem = await rsaKeyNamed(`system:${email}`);
        target.systemKey ??= { id: newKeyId(), privateKeyPem, disabled: false };
        save();
      }
      return target.systemKey;
    },
    keyFile(email) {
      const key = account(email).keys.at(-1);
      if (key === undefined) throw new Error(`${email} has no key.`);
      return keyFileOf(state.project.id, account(email), key, REAL_TOKEN_URI);
    },
    delegate(email, scopes) {
      account(email).delegatedScopes = [...scopes];
      save();
    },
    grant(targetEmail, member, role = 'roles/iam.serviceAccountTokenCreator') {
      // The real IAM rejects such a policy with INVALID_ARGUMENT.
      if (!isPossibleMember(member)) throw new Error(`Identity Pool does not exist (${member}).`);
      account(targetEmail).bindings.push({ role, member });
      save();
    },
    revokeGrant(targetEmail, member) {
      const target = account(targetEmail);
      target.bindings = target.bindings.filter((binding) => binding.member !== member);
      save();
    },
    grantOnProject(member, role) {
      state.bindings.push({ role, member });
      save();
    },
    revokeRefreshToken(email) {
      for (const each of state.refreshTokens) if (each.email === email) each.revoked = true;
      save();
    },
    setMetadata(change) {
      Object.assign(state.metadata, change);
      save();
    },
    async rotateSigningKeys() {
      const [old, next] = state.signingKeys;
      const fresh = { id: newKeyId(), privateKeyPem: await newRsaKey(), disabled: false };
      state.signingKeys = [next, fresh, old].filter((key) => key !== undefined).slice(0, 3);
      save();
    },
  };
  if (found === undefined) {
    secrets.addVersion(SECRET, Buffer.from(JSON.stringify(world.keyFile(EMAILS.courier), undefined, 2)));
    save();
  }
  return world;
}
