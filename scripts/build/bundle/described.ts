import { readFile } from 'node:fs/promises';
import type { Plugin } from 'esbuild';

/** A namespace of protobufjs's JSON: https://github.com/protobufjs/protobuf.js#using-json-descriptors */
interface Namespace {
  nested?: Record<string, Namespace>;
  methods?: Record<string, unknown>;
}

/** The only method of Secret Manager that the courier calls, and the messages of that method. */
const PACKAGE = ['google', 'cloud', 'secretmanager', 'v1'];
const SERVICE = 'SecretManagerService';
const METHOD = 'AccessSecretVersion';
const MESSAGES = ['AccessSecretVersionRequest', 'AccessSecretVersionResponse', 'SecretPayload'];

const part = <Value>(values: Record<string, Value> | undefined, name: string): Value => {
  const value = values?.[name];
  if (value === undefined) throw new Error(`Secret Manager's description has no ${name}`);
  return value;
};

const trimmed = (namespace: Namespace, [name, ...inner]: readonly string[]): Namespace => {
  if (name !== undefined) {
    return { ...namespace, nested: { [name]: trimmed(part(namespace.nested, name), inner) } };
  }
  const service = part(namespace.nested, SERVICE);
  const messages = MESSAGES.map((message) => [message, part(namespace.nested, message)]);
  const methods = { [METHOD]: part(service.methods, METHOD) };
  return { ...namespace, nested: { ...Object.fromEntries(messages), [SERVICE]: { ...service, methods } } };
};

/**
 * Each time it is created, Secret Manager's client parses the descriptor of its whole API in two versions, and the descriptor
 * of the descriptor language. That is a tenth of a cold start, for one method. The bundle's copy contains only that method.
 */
export const describeLess = (): Plugin => ({
  name: 'describe-less',
  setup({ onLoad }) {
    onLoad({ filter: /[\\/]secret-manager[\\/]build[\\/]protos[\\/]protos\.json$/ }, async ({ path }) => ({
      contents: JSON.stringify(trimmed(JSON.parse(await readFile(path, 'utf8')), PACKAGE)),
      loader: 'json',
    }));
  },
});
