import { createPrivateKey, createPublicKey, generateKeyPair, type KeyObject, randomBytes } from 'node:crypto';
import { promisify } from 'node:util';

const generate = promisify(generateKeyPair);

const pemOf = (key: KeyObject): string => key.export({ type: 'pkcs8', format: 'pem' }).toString();

/** Generating an RSA key takes a tenth of a second, so a process generates those of the default world only once. */
const madeInThisProcess = new Map<string, Promise<string>>();

/** Generates an RSA 2048 private key, in PKCS #8 PEM. */
export async function newRsaKey(): Promise<string> {
  return pemOf((await generate('rsa', { modulusLength: 2048 })).privateKey);
}

/** The process-wide RSA key with this name. */
export function rsaKeyNamed(name: string): Promise<string> {
  const known = madeInThisProcess.get(name);
  if (known !== undefined) return known;
  const made = newRsaKey();
  madeInThisProcess.set(name, made);
  return made;
}

/** Generates a P-256 private key, in PKCS #8 PEM. */
export async function newEcKey(): Promise<string> {
  return pemOf((await generate('ec', { namedCurve: 'P-256' })).privateKey);
}

export const newKeyId = (): string => randomBytes(20).toString('hex');

export const privateKeyOf = (pem: string): KeyObject => createPrivateKey(pem);

export const publicPemOf = (privatePem: string): string =>
  createPublicKey(privatePem).export({ type: 'spki', format: 'pem' }).toString();
