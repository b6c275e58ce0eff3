import type { DeliverySpec } from './scenario.ts';

/** The rows that a delivery writes into a sheet. They depend only on the letter and the size. */

/** The first cells of the rows, which tell the rows of all deliveries apart. */
export const rowNames = ({ bytes, size }: Pick<DeliverySpec, 'bytes' | 'size'>): string[] =>
  Array.from({ length: size === 'batches' ? 7 : 2 }, (_, at) => `${bytes}${at + 1}`);

/** Rows with this letter have one more column, which the first of them adds to the tab. */
const WIDE = 'X';

export const columnsOf = ({ bytes }: Pick<DeliverySpec, 'bytes'>): string[] =>
  bytes === WIDE ? ['name', 'value', 'more'] : ['name', 'value'];

/** In the JSON of a change each of these characters takes six bytes, so seven such cells take more than one change. */
const FILLING = '\u0001'.repeat(49_000);

/** The values of the rows, the first of which are the names of the columns. */
export const tableOf = (spec: Pick<DeliverySpec, 'bytes' | 'size'>): string[][] => [
  columnsOf(spec),
  ...rowNames(spec).map((name) =>
    [name, spec.size === 'batches' ? FILLING : `text of ${name}`, 'more'].slice(0, columnsOf(spec).length),
  ),
];

export const rowsAsCsv = (spec: Pick<DeliverySpec, 'bytes' | 'size'>): Buffer =>
  Buffer.from(
    tableOf(spec)
      .map((row) => `${row.join(',')}\r\n`)
      .join(''),
  );
