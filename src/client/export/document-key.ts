/** What `export` needs to know about a document that it forwards unchanged. */
export interface DocumentFacts {
  /** False when the text cannot be a JSON object. */
  isObject: boolean;
  /** True when the document has an `idempotencyKey`, valid or not. */
  hasKey: boolean;
  /** That key, if it is a string. */
  key: string | undefined;
  /** True when the document is about many objects, each of which becomes a file with a receipt of its own. */
  isMany: boolean;
}

export interface DocumentScan {
  /** Scans the next bytes of the document. */
  add(bytes: Uint8Array): void;
  facts(): DocumentFacts;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPENING = new Set([0x7b, 0x5b]);
const CLOSING = new Set([0x7d, 0x5d]);
const [OPEN_OBJECT, COLON, COMMA] = [0x7b, 0x3a, 0x2c];
const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf];
const SPACES = new Set([0x20, 0x09, 0x0a, 0x0d]);

/** A key has at most 255 characters, each of which may be escaped with 6 bytes. */
const MAX_STRING_BYTES = 2_048;

/** @returns undefined if it is not a JSON string */
const stringIn = (token: Uint8Array): string | undefined => {
  try {
    return JSON.parse(Buffer.from(token).toString('utf8')) as string;
  } catch {
    return undefined;
  }
};

/**
 * Finds `idempotencyKey` at the top level of a JSON document while its bytes are forwarded. The document is not parsed and
 * printed again, which could change it, and at most one key is held in memory. The courier validates the document.
 */
export const createDocumentScan = (): DocumentScan => {
  let seen = 0;
  let first: number | undefined;
  let depth = 0;
  let inString = false;
  let escaped = false;
  /** Bytes of the string that is being read, if it stands directly in the outermost object or in its `source`. */
  let token: number[] | undefined;
  let atKey = false;
  let lastKey: string | undefined;
  let hasKey = false;
  let key: string | undefined;
  let inSource = false;
  const sourceKeys = { gcsPrefix: false, join: false };

  const endString = (): void => {
    inString = false;
    const text = token === undefined ? undefined : stringIn(Uint8Array.from(token));
    token = undefined;
    if (inSource && atKey && (text === 'gcsPrefix' || text === 'join')) sourceKeys[text] = true;
    if (depth !== 1) return;
    if (atKey) lastKey = text;
    else if (lastKey === 'idempotencyKey') key ??= text;
  };

  const scanInString = (byte: number): void => {
    if (token !== undefined) {
      token.push(byte);
      if (token.length > MAX_STRING_BYTES) token = undefined;
    }
    if (escaped) escaped = false;
    else if (byte === BACKSLASH) escaped = true;
    else if (byte === QUOTE) endString();
  };

  /** Called when the depth has changed. */
  const enter = (byte: number): void => {
    inSource = depth === 2 && byte === OPEN_OBJECT && lastKey === 'source';
    atKey = OPENING.has(byte) && (depth === 1 || inSource);
  };

  // biome-ignore lint/complexity/noExcessiveCognitiveComplexity: one case for each byte that has a meaning outside of strings.
  const scanOutside = (byte: number): void => {
    if (byte === QUOTE) {
      inString = true;
      token = depth === 1 || inSource ? [byte] : undefined;
    } else if (OPENING.has(byte)) {
      depth += 1;
      enter(byte);
    } else if (CLOSING.has(byte)) {
      depth -= 1;
      enter(byte);
    } else if (depth !== 1 && !inSource) return;
    else if (byte === COMMA) atKey = true;
    else if (byte === COLON) {
      atKey = false;
      hasKey ||= depth === 1 && lastKey === 'idempotencyKey';
    }
  };

  /** Skips the inside of a long string. @returns the next position to look at */
  const skipText = (bytes: Uint8Array, from: number): number => {
    if (!inString || escaped || token !== undefined) return from;
    let at = from;
    while (at < bytes.length && bytes[at] !== QUOTE && bytes[at] !== BACKSLASH) at += 1;
    return at;
  };

  return {
    add(bytes) {
      for (let at = skipText(bytes, 0); at < bytes.length; at = skipText(bytes, at + 1)) {
        const byte = bytes[at] ?? 0;
        if (first === undefined) {
          const isMark = byte === BYTE_ORDER_MARK[seen];
          seen += 1;
          if (isMark || SPACES.has(byte)) continue;
          first = byte;
        }
        if (inString) scanInString(byte);
        else scanOutside(byte);
      }
    },
    facts: () => ({
      isObject: first === OPEN_OBJECT,
      hasKey,
      key,
      isMany: sourceKeys.gcsPrefix && !sourceKeys.join,
    }),
  };
};
