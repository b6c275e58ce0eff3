import { crc32c } from '@aws-crypto/crc32c';
import { rpcError } from '../http/api-error.ts';
import type { Secret, SecretVersion } from '../world/state.ts';
import type { World } from '../world/world.ts';

/** CRC32C (Castagnoli) as a decimal string, the proto3 JSON form of an int64. */
export const crc32cOf = (bytes: Uint8Array): string => String(crc32c(bytes));

/** Google's answers contain the project number, even if the request had the project ID. */
const secretNameOf = (world: World, name: string): string => `projects/${world.project.number}/secrets/${name}`;

const versionNameOf = (world: World, name: string, number: number): string =>
  `${secretNameOf(world, name)}/versions/${number}`;

/** @throws ApiError 404 */
export function secretOf(world: World, name: string): Secret {
  const secret = world.secrets.find(name);
  if (secret === undefined) throw rpcError('NOT_FOUND', `Secret [${secretNameOf(world, name)}] not found.`);
  return secret;
}

/** Finds a version by number, alias or `latest`, which is the newest one in any state. @throws ApiError 404 */
export function versionOf(world: World, name: string, wanted: string): { number: number; version: SecretVersion } {
  const secret = secretOf(world, name);
  const aliased = Object.hasOwn(secret.aliases, wanted) ? secret.aliases[wanted] : undefined;
  const number =
    wanted === 'latest' ? secret.versions.length : (aliased ?? (/^[1-9]\d*$/.test(wanted) ? Number(wanted) : 0));
  const version = secret.versions[number - 1];
  if (version !== undefined) return { number, version };
  if (secret.versions.length === 0)
    throw rpcError('NOT_FOUND', `Secret [${secretNameOf(world, name)}] not found or has no versions.`);
  throw rpcError('NOT_FOUND', `Secret Version [${secretNameOf(world, name)}/versions/${wanted}] not found.`);
}

export const secretResource = (world: World, name: string): object => {
  const secret = secretOf(world, name);
  return {
    name: secretNameOf(world, name),
    replication: { automatic: {} },
    createTime: secret.createTime,
    ...(Object.keys(secret.aliases).length > 0
      ? {
          versionAliases: Object.fromEntries(
            Object.entries(secret.aliases).map(([alias, version]) => [alias, String(version)]),
          ),
        }
      : {}),
  };
};

export const versionResource = (world: World, name: string, number: number): object => {
  const { version } = versionOf(world, name, String(number));
  return {
    name: versionNameOf(world, name, number),
    createTime: version.createTime,
    destroyTime: version.destroyTime,
    state: version.state,
    replicationStatus: { automatic: {} },
    clientSpecifiedPayloadChecksum: true,
  };
};

/** @throws ApiError 400 FAILED_PRECONDITION for disabled and destroyed versions */
export function accessVersion(world: World, name: string, wanted: string): object {
  const { number, version } = versionOf(world, name, wanted);
  if (version.state !== 'ENABLED')
    throw rpcError(
      'FAILED_PRECONDITION',
      `Secret Version [${versionNameOf(world, name, number)}] is in ${version.state} state.`,
    );
  const bytes = Buffer.from(version.data, 'base64');
  const dataCrc32c = crc32cOf(bytes);
  const [first = 0] = bytes;
  if (version.corrupt) bytes[0] = first ^ 1;
  return { name: versionNameOf(world, name, number), payload: { data: bytes.toString('base64'), dataCrc32c } };
}
