/** Bodies that are as expensive to parse as their size allows. */
export interface HeavyBody {
  kind: string;
  /** The approximate size of the whole body. */
  make(bytes: number): Buffer;
  /** The expected status. */
  expected: readonly number[];
}

const filled = (head: string, unit: string, tail: string, bytes: number, separator = ','): Buffer => {
  const room = bytes - Buffer.byteLength(head) - Buffer.byteLength(tail);
  const separatorBytes = Buffer.byteLength(separator);
  const count = Math.floor((room + separatorBytes) / (Buffer.byteLength(unit) + separatorBytes));
  return Buffer.from(`${head}${`${unit}${separator}`.repeat(count).slice(0, -separator.length)}${tail}`);
};

/** Many members, each with a number in its name. */
const numbered = (head: string, unit: (n: number) => string, tail: string, bytes: number): Buffer => {
  const units: string[] = [];
  let size = head.length + tail.length;
  for (let n = 0; ; n += 1) {
    const one = unit(n);
    size += one.length + 1;
    if (size > bytes) break;
    units.push(one);
  }
  return Buffer.from(`${head}${units.join(',')}${tail}`);
};

const DOCUMENT = '{"name":"a","source":{';

/** Export documents. */
export const HEAVY_DOCUMENTS: readonly HeavyBody[] = [
  {
    kind: 'plain rows',
    make: (bytes) => filled(`${DOCUMENT}"rows":[`, '{"a":"xxxxxxxxxx","b":12.50,"c":"yyyyyyyyyyyyyy"}', ']}}', bytes),
    expected: [201],
  },
  { kind: 'rows of {}', make: (bytes) => filled(`${DOCUMENT}"rows":[`, '{}', ']}}', bytes), expected: [201] },
  {
    kind: 'rows that reverse their columns',
    make: (bytes) => filled(`${DOCUMENT}"rows":[`, '{"b":"\\n","a":[1,{"c":2}]},{"a":"x","b":null}', ']}}', bytes),
    expected: [201],
  },
  {
    kind: 'rows with a new column each',
    make: (bytes) => numbered(`${DOCUMENT}"rows":[`, (n) => `{"c${n}":1}`, ']}}', bytes),
    expected: [400],
  },
  {
    kind: 'one row of a giant cell',
    make: (bytes) => filled(`${DOCUMENT}"rows":[{"a":"`, 'x\\"y', '"}]}}', bytes, 'z'),
    expected: [201],
  },
  {
    kind: 'one row with a nested giant',
    make: (bytes) => filled(`${DOCUMENT}"rows":[{"a":[`, '[]', ']}]}}', bytes),
    expected: [201],
  },
  {
    kind: 'hidden characters before a sign',
    make: (bytes) => filled(`${DOCUMENT}"rows":[{"a":"`, '\u200b', '=1"}]}}', bytes, '\u200b'),
    expected: [201],
  },
  { kind: 'json of []', make: (bytes) => filled(`${DOCUMENT}"json":[`, '[]', ']}}', bytes), expected: [201] },
  { kind: 'json of {"1":1}', make: (bytes) => filled(`${DOCUMENT}"json":[`, '{"1":1}', ']}}', bytes), expected: [201] },
  {
    kind: 'json nested 90 deep',
    // Indented, it is ninety times as long.
    make: (bytes) =>
      filled(`${DOCUMENT}"json":[`, `${'['.repeat(90)}${']'.repeat(90)}`, ']}}', Math.min(bytes, 1_000_000)),
    expected: [201],
  },
  {
    kind: 'json nested without an end',
    make: (bytes) => filled(`${DOCUMENT}"json":`, '[', '', bytes, '['),
    expected: [400],
  },
  {
    kind: 'json with millions of keys',
    make: (bytes) => numbered(`${DOCUMENT}"json":{`, (n) => `"${n}":1`, '}}}', bytes),
    expected: [413],
  },
  {
    kind: 'json with giant keys',
    make: (bytes) =>
      numbered(`${DOCUMENT}"json":{`, (n) => `"${n}${'k'.repeat(Math.floor(bytes / 8))}":1`, '}}}', bytes),
    expected: [201],
  },
  { kind: 'one giant number', make: (bytes) => filled(`${DOCUMENT}"json":`, '12', '}}', bytes, '3'), expected: [201] },
  {
    kind: 'one giant text',
    make: (bytes) => filled(`${DOCUMENT}"text":"`, 'text ü ', '"}}', bytes, ' '),
    expected: [201],
  },
  {
    kind: 'a text of escapes',
    make: (bytes) => filled(`${DOCUMENT}"text":"`, '\\u00fc\\ud83d\\ude00', '"}}', bytes, '\\n'),
    expected: [201],
  },
  {
    kind: 'base64',
    make: (bytes) => filled(`${DOCUMENT}"base64":"`, 'QUJD', '"}}', bytes, 'QUJD'),
    expected: [201, 400],
  },
  {
    kind: 'base64 with escapes',
    make: (bytes) => filled(`${DOCUMENT}"base64":"`, '\\/\\/\\/\\/', '"}}', bytes, '\\/\\/\\/\\/'),
    expected: [201],
  },
  { kind: 'white space', make: (bytes) => filled(DOCUMENT, ' ', '"text":""}}', bytes, '\n'), expected: [201] },
  {
    kind: 'a giant name',
    make: (bytes) => filled('{"source":{"text":""},"name":"', 'n', '"}', bytes, 'n'),
    expected: [400],
  },
  {
    kind: 'an unknown giant',
    make: (bytes) => filled('{"source":{"text":""},"name":"a","rows":[', '{}', ']}', bytes),
    expected: [400],
  },
  {
    kind: 'a key twice at the end',
    make: (bytes) => filled(`${DOCUMENT}"json":{"a":[`, '1', '],"a":1}}}', bytes),
    expected: [400],
  },
];

const push = (data: string, more = ''): Buffer =>
  Buffer.from(`{"message":{"messageId":"1"${more},"data":"${data}"},"subscription":"SUBSCRIPTION"}`);

/** Pushes, in which `SUBSCRIPTION` is to be replaced. The data have at most ten megabytes. */
export const HEAVY_PUSHES: readonly HeavyBody[] = [
  ...HEAVY_DOCUMENTS.filter(({ kind }) =>
    ['plain rows', 'json of []', 'json of {"1":1}', 'one giant text', 'json with millions of keys'].includes(kind),
  ).map(({ kind, make }) => ({
    kind: `a message of ${kind}`,
    make: (bytes: number) => push(make(Math.floor((bytes - 200) * 0.75)).toString('base64')),
    expected: [204],
  })),
  {
    kind: 'a message of bytes',
    make: (bytes) => push('QUJD'.repeat(Math.floor((bytes - 200) / 4)), ',"attributes":{"name":"file"}'),
    expected: [204],
  },
  { kind: 'data that are no base64', make: (bytes) => push(`${'='.repeat(bytes - 200)}x`), expected: [204] },
  { kind: 'a push of []', make: (bytes) => filled('{"message":[', '[]', ']}', bytes), expected: [400] },
  {
    kind: 'attributes without an end',
    make: (bytes) => numbered('{"message":{"attributes":{', (n) => `"${n}":"v"`, '}}}', bytes),
    expected: [400],
  },
];
