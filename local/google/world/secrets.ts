import type { Secret, SecretVersion, WorldState } from './state.ts';

/** Lets tests administer the project's secrets. Names are short: `drive-key`. */
export interface SecretCabinet {
  find(name: string): Secret | undefined;
  create(name: string): Secret;
  remove(name: string): void;
  /** @returns the version's number, from 1 */
  addVersion(name: string, payload: Buffer): number;
  setState(name: string, version: number, state: SecretVersion['state']): void;
  /** Makes the stored checksum differ from the bytes. */
  corrupt(name: string, version: number): void;
  setAlias(name: string, alias: string, version: number): void;
  allow(name: string, email: string): void;
  deny(name: string, email: string): void;
}

export function secretCabinet(state: WorldState, save: () => void, now: () => number): SecretCabinet {
  const find = (name: string): Secret | undefined =>
    Object.hasOwn(state.secrets, name) ? state.secrets[name] : undefined;
  const secretOf = (name: string): Secret => {
    const secret = find(name);
    if (secret === undefined) throw new Error(`No secret ${name} in this world.`);
    return secret;
  };
  const versionOf = (name: string, version: number): SecretVersion => {
    const found = secretOf(name).versions[version - 1];
    if (found === undefined) throw new Error(`Secret ${name} has no version ${version}.`);
    return found;
  };
  const memberOf = (email: string): string =>
    `${email.endsWith('.gserviceaccount.com') ? 'serviceAccount' : 'user'}:${email}`;

  return {
    find,
    create(name) {
      const secret: Secret = { createTime: new Date(now()).toISOString(), versions: [], aliases: {}, bindings: [] };
      state.secrets[name] = secret;
      save();
      return secret;
    },
    remove(name) {
      delete state.secrets[name];
      save();
    },
    addVersion(name, payload) {
      const { versions } = secretOf(name);
      versions.push({
        state: 'ENABLED',
        createTime: new Date(now()).toISOString(),
        data: payload.toString('base64'),
        corrupt: false,
      });
      save();
      return versions.length;
    },
    setState(name, version, next) {
      const found = versionOf(name, version);
      found.state = next;
      if (next === 'DESTROYED') {
        found.data = '';
        found.destroyTime = new Date(now()).toISOString();
      }
      save();
    },
    corrupt(name, version) {
      versionOf(name, version).corrupt = true;
      save();
    },
    setAlias(name, alias, version) {
      secretOf(name).aliases[alias] = version;
      save();
    },
    allow(name, email) {
      secretOf(name).bindings.push({ role: 'roles/secretmanager.secretAccessor', member: memberOf(email) });
      save();
    },
    deny(name, email) {
      const secret = secretOf(name);
      secret.bindings = secret.bindings.filter(({ member }) => member !== memberOf(email));
      save();
    },
  };
}
