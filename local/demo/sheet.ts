import type { CourierClient, Receipt } from '../../src/client/index.ts';
import type { LocalGoogle } from '../google/server.ts';
import { filesNamed } from './receipts.ts';

const NAME = 'Orders';
const HEADER = ['day', 'shop', 'orders'];

/** The orders of one day. */
interface Day {
  day: string;
  shops: readonly (readonly [shop: string, orders: number])[];
}

const FIRST_DAY: Day = {
  day: '2026-11-24',
  shops: [
    ['Lisbon', 31],
    ['=Nagoya', 12],
  ],
};
const SECOND_DAY: Day = {
  day: '2026-11-25',
  shops: [
    ['Lisbon', 28],
    ['Zürich', 7],
  ],
};

const rowsOf = ({ day, shops }: Day): unknown[][] => shops.map(([shop, orders]) => [day, shop, orders]);

/** The rows of the range that a receipt names, as the sheet has them. */
const rowsAt = (google: LocalGoogle, { id, sheet }: Receipt): unknown[][] => {
  const [, first, last] = /(\d+):[A-Z]+(\d+)$/.exec(sheet?.range ?? '') ?? [];
  return google.sheets.rowsOf(id, sheet?.tab).slice(Number(first) - 1, Number(last));
};

/** Sends the orders of a day, and prints whether the sheet has them where the receipt says. */
const append = async (google: LocalGoogle, client: CourierClient, day: Day) => {
  const csv = [HEADER, ...rowsOf(day)].map((row) => `${row.join()}\r\n`).join('');
  const receipt = await client.send(Buffer.from(csv), {
    ...{ name: NAME, mimeType: 'text/csv', idempotencyKey: `orders-${day.day}` },
    ...{ convertTo: 'sheet', onConflict: 'append' },
  });
  const { outcome, name, sheet, webViewLink } = receipt;
  const isThere = JSON.stringify(rowsAt(google, receipt)) === JSON.stringify(rowsOf(day));
  console.log(`   ${isThere ? '✓' : '✗'} ${outcome}  ${name} / ${sheet?.range}, ${sheet?.rows} rows`);
  console.log(`     ${webViewLink}`);
  if (!isThere) console.log('     the sheet has other rows there');
  return { receipt, isThere };
};

/** Appends the orders of two days to a sheet, and those of the second day once more, as a retry does. */
export const appendToSheet = async (google: LocalGoogle, client: CourierClient): Promise<boolean> => {
  console.log(
    '\n5. Append the rows of two days to a Google Sheet. A retry with the same idempotency key appends nothing.',
  );
  const first = await append(google, client, FIRST_DAY);
  const second = await append(google, client, SECOND_DAY);
  const again = await append(google, client, SECOND_DAY);
  const rows = google.sheets.rowsOf(first.receipt.id).slice(1);
  const isOnce =
    again.receipt.outcome === 'replayed' &&
    JSON.stringify(rows) === JSON.stringify([...rowsOf(FIRST_DAY), ...rowsOf(SECOND_DAY)]) &&
    filesNamed(google, NAME).length === 1;
  console.log(`   ${isOnce ? '✓' : '✗'} rows in the sheet: ${rows.length}`);
  return isOnce && [first, second, again].every(({ isThere }) => isThere);
};
