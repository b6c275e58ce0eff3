/** The text of bytes in a charset that was named (https://encoding.spec.whatwg.org/#names-and-labels); undefined where they are not in it, or it is not known. */
export const decodeBytes = (bytes: Uint8Array, charset: string): string | undefined => {
  try {
    return new TextDecoder(charset, { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
};
