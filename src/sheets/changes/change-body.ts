import { turn } from '../../turns.ts';

/** Requests of `spreadsheets.batchUpdate`, as Google documents them. */
export type ChangeRequest = Readonly<Record<string, unknown>>;

/** Cells, or requests, that are written in one turn of the event loop: about two milliseconds of work. */
const PART_SIZE = 5_000;

type Rows = readonly { values?: readonly unknown[] }[];

const rowsIn = (request: ChangeRequest): Rows | undefined =>
  (request as { updateCells?: { rows?: Rows } }).updateCells?.rows;

/** Lists of about the same size, in order. */
function* partsOf<Item>(items: readonly Item[], sizeOf: (item: Item) => number): Generator<Item[]> {
  let [part, size]: [Item[], number] = [[], 0];
  for (const item of items) {
    part.push(item);
    size += sizeOf(item);
    if (size < PART_SIZE) continue;
    yield part;
    [part, size] = [[], 0];
  }
  if (part.length > 0) yield part;
}

const isLarge = (request: ChangeRequest): boolean => (rowsIn(request)?.length ?? 0) > PART_SIZE / 10;

/** The members of a list as JSON, without the brackets. */
const listText = (items: readonly unknown[]): string => JSON.stringify(items).slice(1, -1);

/** The JSON of one change. It may have nine megabytes, so it is written in parts, between which other requests get their turn. */
export const changeBody = async (requests: readonly ChangeRequest[]): Promise<Buffer> => {
  const texts: Buffer[] = [];
  const add = (text: string): void => {
    texts.push(Buffer.from(text));
  };
  const addInParts = async <Item>(items: readonly Item[], sizeOf: (item: Item) => number): Promise<void> => {
    let isFirst = true;
    for (const part of partsOf(items, sizeOf)) {
      if (!isFirst) await turn();
      add(`${isFirst ? '' : ','}${listText(part)}`);
      isFirst = false;
    }
  };
  add('{"requests":[');
  for (let at = 0; at < requests.length; ) {
    if (at > 0) add(',');
    const [request] = requests.slice(at, at + 1);
    const rows = request === undefined ? undefined : rowsIn(request);
    if (request !== undefined && rows !== undefined && isLarge(request)) {
      const { rows: _, ...rest } = (request as { updateCells: { rows: Rows } }).updateCells;
      add(
        `{"updateCells":{${Object.entries(rest)
          .map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)},`)
          .join('')}"rows":[`,
      );
      await turn();
      await addInParts(rows, ({ values = [] }) => values.length + 1);
      add(']}}');
      at += 1;
    } else {
      const next = requests.findIndex((each, index) => index > at && isLarge(each));
      const end = next === -1 ? requests.length : next;
      await addInParts(requests.slice(at, end), () => 1);
      at = end;
    }
  }
  add(']}');
  return Buffer.concat(texts);
};
