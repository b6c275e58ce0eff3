import type { Stats } from 'node:fs';
import { realpath, stat } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { types } from 'node:util';
import { asClientError, type FileFailure, failure } from '../../errors.ts';
import { systemErrorText } from '../../http/system-errors.ts';
import { isBlob, isUrl } from '../../realms.ts';
import type { NamedInput, SendAllInput, SendAllOptions } from '../options.ts';
import { createFilter, type Filter } from './filter.ts';
import { expandGlob, hasMagic } from './glob.ts';
import { checkedFolder, createTargets, type Target } from './target.ts';
import { type Found, unreadable, type WalkOptions, walkFolder } from './walk.ts';

/** A file to send. */
export interface Listed {
  /** Path of the file as it was found. */
  file: string;
  input: NamedInput['input'];
  target: Target;
}

export type SendAllInputs = Iterable<SendAllInput> | AsyncIterable<SendAllInput>;

const statOf = (path: string): Promise<Stats | { reason: string; cause: unknown }> =>
  stat(path).catch((cause: unknown) => ({ reason: systemErrorText(cause) ?? 'Cannot be read', cause }));

/** A folder is sent with its name, and without it if the path ends with "/", "." or "..". */
const prefixOf = (folder: string): string => {
  const name = basename(folder);
  return /[/\\]$/.test(folder) || name === '.' || name === '..' || name === '' ? '' : name;
};

const joined = (prefix: string, relative: string): string => (prefix === '' ? relative : `${prefix}/${relative}`);

async function* folderWith(prefix: string, folder: string, options: WalkOptions): AsyncGenerator<Found> {
  for await (const found of walkFolder(folder, options)) {
    yield 'error' in found ? found : { ...found, relative: joined(prefix, found.relative) };
  }
}

async function* globWith(pattern: string, filter: Filter, options: WalkOptions): AsyncGenerator<Found> {
  let matches = 0;
  for await (const { path, relative, isFolder } of expandGlob(pattern, options)) {
    matches += 1;
    if (isFolder) yield* folderWith(relative, path, options);
    else if (filter.includesFile(relative)) yield { file: path, relative };
  }
  if (matches === 0) yield unreadable(pattern, 'No file matches');
}

async function* pathWith(path: string, options: WalkOptions): AsyncGenerator<Found> {
  const stats = await statOf(path);
  const name = basename(path);
  if ('reason' in stats) {
    if (hasMagic(path)) yield* globWith(path, options.filter, options);
    else yield unreadable(path, stats.reason, stats.cause);
  } else if (stats.isDirectory()) yield* folderWith(prefixOf(path), path, options);
  else if (!stats.isFile()) yield unreadable(path, 'Not a regular file');
  else if (options.filter.includesFile(name)) yield { file: path, relative: name };
}

const isNamed = (input: SendAllInput): input is NamedInput =>
  typeof input === 'object' && input !== null && !isUrl(input) && 'input' in input;

const checkedNamed = (input: NamedInput): NamedInput => {
  const { input: bytes, path } = input;
  const isAccepted = typeof bytes === 'string' || isUrl(bytes) || types.isUint8Array(bytes) || isBlob(bytes);
  if (!isAccepted || typeof path !== 'string') {
    throw failure('usage', { detail: 'A file with a path has an input (a path, a file: URL, bytes or a Blob).' });
  }
  return input;
};

/** @throws CourierClientError `usage` */
const pathOfUrl = (url: URL): string => {
  if (url.protocol !== 'file:')
    throw failure('usage', { detail: `The URL of an input must begin with file:, not ${url.protocol}` });
  return fileURLToPath(url);
};

const fileOf = ({ input, path }: NamedInput): string =>
  typeof input === 'string' ? input : isUrl(input) ? pathOfUrl(input) : path;

async function* foundIn(
  inputs: SendAllInputs,
  options: WalkOptions,
): AsyncGenerator<Found & { input?: NamedInput['input'] }> {
  for await (const input of inputs) {
    if (isNamed(input)) {
      const named = checkedNamed(input);
      yield { file: fileOf(named), relative: named.path, input: named.input };
    } else if (typeof input === 'string' || isUrl(input)) {
      yield* pathWith(typeof input === 'string' ? input : pathOfUrl(input), options);
    } else
      throw failure('usage', { detail: 'Each input must be a path, a file: URL, or an object with input and path.' });
  }
}

/** Recognizes the manifest, which may be in a folder that is sent. */
const createIsManifest = (manifest: string | undefined): ((file: string) => Promise<boolean>) => {
  const resolved = (path: string): Promise<string | undefined> => realpath(path).catch(() => undefined);
  return async (file) =>
    manifest !== undefined &&
    basename(file) === basename(manifest) &&
    (await resolved(file)) === (await resolved(manifest));
};

type Bytes = Uint8Array | Blob;

/** Whether two inputs are the same file, whose path may be written in several ways, or the same object with bytes. */
const isSameSource = (one: string | WeakRef<Bytes>, other: string | Bytes): boolean =>
  typeof one === 'string'
    ? typeof other === 'string' && resolve(one) === resolve(other)
    : typeof other !== 'string' && one.deref() === other;

/**
 * Remembers which input is sent to each path in Drive. The returned function says whether an input is the first for its path, and
 * false if the same input comes twice.
 * @throws CourierClientError `path-taken` for another input
 */
const createPathCheck = (): ((path: string, source: string | Bytes) => boolean) => {
  // Bytes are remembered weakly: a strong reference would keep every file that has been sent in memory.
  const sources = new Map<string, string | WeakRef<Bytes>>();
  return (path, source) => {
    const other = sources.get(path);
    if (other === undefined) {
      sources.set(path, typeof source === 'string' ? source : new WeakRef(source));
      return true;
    }
    if (isSameSource(other, source)) return false;
    const name = typeof other === 'string' ? `"${other}"` : 'An earlier input';
    throw failure('path-taken', { detail: `${name} is sent to "${path}"` });
  };
};

/**
 * Lists every file that is to be sent, and every entry that cannot be sent. Files that would get the same path in Drive are
 * listed once, and the others are errors: with the rule `replace`, the last one would win.
 * @param root the folder in Drive
 * @throws CourierClientError `usage`, `path-invalid`
 */
export async function* listAll(inputs: SendAllInputs, options: SendAllOptions): AsyncGenerator<Listed | FileFailure> {
  const { path: root = '', include, exclude, hidden = false, followSymlinks = false, onSkip } = options;
  const filter = createFilter(include, exclude);
  const walk: WalkOptions = { filter, hidden, followSymlinks, onSkip: (skipped) => onSkip?.(skipped) };
  const targetOf = createTargets(checkedFolder(root));
  const isManifest = createIsManifest(options.manifest);
  const isFirst = createPathCheck();
  for await (const found of foundIn(inputs, walk)) {
    if ('error' in found) {
      yield found;
      continue;
    }
    const { file, relative, input = file } = found;
    // Bytes have no path of their own, so they are the same only if they are the same object.
    const source = typeof input === 'string' || isUrl(input) ? file : input;
    if (await isManifest(file)) continue;
    try {
      const target = targetOf(relative);
      if (isFirst(joined(target.folder, target.name), source)) yield { file, input, target };
    } catch (error) {
      yield { file, error: asClientError(error) };
    }
  }
}
