import { types } from 'node:util';

// A test in jsdom, or code in `vm`, has classes of its own with the names of the built-in ones: `instanceof` refuses their objects.

const tagOf = (value: unknown): string => Object.prototype.toString.call(value).slice('[object '.length, -1);

export const isUrl = (value: unknown): value is URL => value instanceof URL || tagOf(value) === 'URL';

/** A Blob or File that can be read in parts; that of jsdom cannot. */
export const isBlob = (value: unknown): value is Blob =>
  value instanceof Blob || (['Blob', 'File'].includes(tagOf(value)) && typeof (value as Blob).stream === 'function');

export const isFile = (value: Blob): value is File => tagOf(value) === 'File';

export const isReadableStream = (value: unknown): value is ReadableStream => tagOf(value) === 'ReadableStream';

/** Errors of Node itself are of another realm, too, where a test runner has a realm for each test. */
export const isError = (value: unknown): value is Error => value instanceof Error || types.isNativeError(value);
