import { deflateRawSync } from 'node:zlib';
import { base64url, goodClaims, NOON_SECONDS } from '../token-signer.ts';
import { type Attempt, bearer, type Forge, show } from './forge.ts';

/** Tokens in a non-canonical encoding. */
export const forgeTexts = ({ google, good, parts: { first, second, third }, signed }: Forge) => {
  const encodings = (): Attempt[] => {
    const json = JSON.stringify(goodClaims());
    const odd = (part: string): string[] => [
      `${part}=`,
      `${part}==`,
      `=${part}`,
      `${part}A`,
      `${part} `,
      ` ${part}`,
      `${part.slice(0, 9)} ${part.slice(9)}`,
      `${part.slice(0, 9)}\t${part.slice(9)}`,
      `${part.slice(0, 9)}.${part.slice(9)}`,
      part.toUpperCase(),
      part.toLowerCase(),
      encodeURIComponent(`${part}=`),
      base64url(part),
      `"${part}"`,
      `${part}%00`,
      `${part}\xa0`,
      '',
      '.',
      part.slice(0, -1),
      part.slice(1),
    ];
    const tokens = [
      ...odd(first).map((part) => `${part}.${second}.${third}`),
      ...odd(second).map((part) => `${first}.${part}.${third}`),
      ...odd(third).map((part) => `${first}.${second}.${part}`),
      `${first}.${second}.${Buffer.from(third, 'base64url').toString('base64')}`,
      `${good}.`,
      `.${good}`,
      `${good}.${third}`,
      `${good}.${second}.${third}`,
      `${first}..${third}`,
      `${good}#`,
      `${good}?`,
      `${good}, ${good}`,
      `${good} ${good}`,
      base64url({ payload: second, protected: first, signature: third }),
      JSON.stringify({ payload: second, protected: first, signature: third }),
    ];
    const payloads: [string, string | Buffer][] = [
      ['with a byte order mark', Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), Buffer.from(json)])],
      ['in UTF-16', Buffer.from(json, 'utf16le')],
      ['with a byte that is no UTF-8', Buffer.from(json.replace('true', 'true,"x":"\xff"'), 'latin1')],
      ['overlong', Buffer.from(json.replace('true', 'true,"x":"\xc0\xaf"'), 'latin1')],
      ['deflated', deflateRawSync(json)],
      ['of a list', `[${json}]`],
      ['of a text', JSON.stringify(json)],
      ['null', 'null'],
      ['with more behind', `${json}{}`],
      ['with a comment', `/**/${json}`],
      ['in single quotes', json.replaceAll('"', "'")],
      ['with NaN', json.replace(`${NOON_SECONDS}`, 'NaN')],
      ['cut', json.slice(0, -1)],
      ['with a comma too many', json.replace(/}$/, ',}')],
      ['with NUL behind', `${json}\0`],
      ['with __proto__', `{"__proto__":${json}}`],
      ['in hexadecimal', json.replace(`${NOON_SECONDS}`, `0x${NOON_SECONDS.toString(16)}`)],
      ['empty', '{}'],
    ];
    return [
      // White space around a header value is not a part of it (RFC 9110 §5.5).
      ...tokens.filter((token) => token.trim() !== good).map((token) => bearer(`encoding ${show(token)}`, token)),
      ...payloads.map(([name, payload]) => signed(`payload ${name}`, payload)),
    ];
  };

  /** The valid token with one character changed, at every position; and truncated, at every seventh. */
  const flips = (): Attempt[] => [
    ...[...good].map((sign, at) =>
      bearer(`sign ${at} changed`, `${good.slice(0, at)}${sign === 'A' ? 'B' : 'A'}${good.slice(at + 1)}`),
    ),
    ...Array.from({ length: Math.floor(good.length / 7) }, (_, index) =>
      bearer(`cut at ${index * 7}`, good.slice(0, index * 7)),
    ),
  ];

  /**
   * The valid signature in other encodings: with the unused bits of its last character set, with its modulus added,
   * with zeros around it.
   */
  const sameSignature = (): Attempt[] => {
    const bytes = Buffer.from(third, 'base64url');
    const last = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_']
      .map((sign) => third.slice(0, -1) + sign)
      .filter((text) => text !== third && Buffer.from(text, 'base64url').equals(bytes));
    const modulus = BigInt(`0x${Buffer.from(String(google.publicJwk.n), 'base64url').toString('hex')}`);
    const added = (BigInt(`0x${bytes.toString('hex')}`) + modulus).toString(16);
    const others = [
      Buffer.from(added.padStart(added.length + (added.length % 2), '0'), 'hex'),
      Buffer.concat([Buffer.alloc(1), bytes]),
      Buffer.concat([bytes, Buffer.alloc(1)]),
      bytes.subarray(1),
    ].map((signature) => signature.toString('base64url'));
    return [...last, ...others].map((text, index) => bearer(`signature ${index}`, `${first}.${second}.${text}`));
  };

  /** A valid token of exactly this many bytes. */
  const ofSize = (bytes: number): Attempt => {
    for (let pad = Math.floor((bytes - good.length) * 0.75) - 12; ; pad += 1) {
      const token = google.token(goodClaims({ pad: 'x'.repeat(pad) }));
      if (token.length === bytes) return bearer(`${bytes} bytes`, token);
      if (token.length > bytes) return ofSize(bytes - 1); // No base64url text has 4n + 1 characters.
    }
  };
  const sizes = (): Attempt[] => [8194, 8196, 9000, 12_000, 15_000].map(ofSize);

  return { families: { encodings, flips, sameSignature, sizes }, ofSize };
};
