import { hash } from 'node:crypto';
import { join } from 'node:path';
import { createProgress } from '../../src/client/commands/output/progress.ts';
import { CourierClient, type Receipt, type SendOptions } from '../../src/client/index.ts';
import type { LocalGoogle } from '../google/server.ts';
import { AUDIENCE } from './config.ts';
import { salesCsv, writeNoise } from './files.ts';
import { publishExport } from './publish.ts';
import { createSalesTable, QUERY_CSV } from './query.ts';
import { checkReceipt, filesNamed } from './receipts.ts';
import { appendToSheet } from './sheet.ts';

const DAY = '2026-11-24';
const BACKUP_MEBIBYTES = 80;

export interface Demo {
  google: LocalGoogle;
  client: CourierClient;
  courierUrl: string;
  /** For files that the demo makes. */
  folder: string;
}

export const createDemoClient = (google: LocalGoogle, url: string, folder: string): CourierClient =>
  new CourierClient({
    url,
    audience: AUDIENCE,
    keyFile: google.world.keyFiles.exporter ?? '',
    sessionFolder: join(folder, 'sessions'),
    env: { COURIER_GOOGLE_ORIGIN: google.origin },
  });

/** Sends with the client's own progress bar, which needs a terminal. */
const withProgress = async (
  send: (onProgress: NonNullable<SendOptions['onProgress']>) => Promise<Receipt>,
): Promise<Receipt> => {
  const progress = createProgress({ stderr: process.stderr, now: Date.now });
  try {
    return await send(progress.show);
  } finally {
    progress.end();
  }
};

const sendReportTwice = async ({ google, client }: Demo): Promise<boolean> => {
  console.log('\n1. Send a CSV report. The courier creates the folders of its path.');
  const csv = Buffer.from(salesCsv(DAY));
  const report = { name: `sales-${DAY}.csv`, path: 'sales/2026/11', idempotencyKey: `sales-${DAY}` };
  const first = await client.send(csv, report);
  const isFirstCorrect = checkReceipt(google, first, hash('sha256', csv));

  console.log('\n2. Send it again with the same idempotency key, as a retry does. No second file is created.');
  const second = await client.send(csv, report);
  const isSecondCorrect = checkReceipt(google, second, hash('sha256', csv));
  const isReplayed = second.id === first.id && second.outcome === 'replayed';
  if (!isReplayed) console.log(`   ✗ expected the receipt of file ${first.id} with the outcome "replayed"`);
  return isFirstCorrect && isSecondCorrect && isReplayed;
};

const sendBackup = async ({ google, client, folder }: Demo): Promise<boolean> => {
  console.log(
    `\n3. Send a backup of ${BACKUP_MEBIBYTES} MiB. The courier opens an upload session, and the client uploads to Drive directly.`,
  );
  const path = join(folder, 'backup.zip');
  const sha256 = await writeNoise(path, BACKUP_MEBIBYTES, 7);
  const receipt = await withProgress((onProgress) => client.send(path, { path: 'backups', onProgress }));
  return checkReceipt(google, receipt, sha256);
};

const publishCustomers = async ({ google, courierUrl }: Demo): Promise<boolean> => {
  console.log('\n4. Publish the same export to Pub/Sub twice. Its rows become one CSV file.');
  const rows = [
    { customer: 'Ærø Ltd', plan: 'team', seats: 12 },
    { customer: '=HYPERLINK("http://evil.example")', plan: 'solo', seats: 1 },
  ];
  // "Exports" is a folder that the local Drive already has.
  const document = { name: 'customers.csv', path: 'Exports', idempotencyKey: `customers-${DAY}`, source: { rows } };
  const { publisher, statuses } = await publishExport(google, { courierUrl, document, times: 2 });
  const files = filesNamed(google, document.name).length;
  const isDeliveredOnce = statuses.every((status) => status === 204) && files === 1;
  console.log(`   ${isDeliveredOnce ? '✓' : '✗'} pushed by ${publisher}`);
  console.log(`     answers: ${statuses.join(', ')}; files in Drive: ${files}`);
  if (!isDeliveredOnce) console.log('     expected two answers of 204 and one file');
  return isDeliveredOnce;
};

const sendJapaneseName = async ({ google, client }: Demo): Promise<boolean> => {
  console.log('\n6. Send a file with a Japanese name and an emoji.');
  const csv = Buffer.from('店舗,売上\r\n名古屋,14850.20\r\n');
  const receipt = await client.send(csv, { name: '売上レポート 📈.csv', path: 'sales/2026/11' });
  return checkReceipt(google, receipt, hash('sha256', csv));
};

const exportQuery = async ({ google, client }: Demo): Promise<boolean> => {
  console.log('\n7. Export a query of BigQuery for one day. A retry neither runs nor bills it again.');
  await createSalesTable(google, DAY);
  const document = {
    name: 'sales-by-shop-{day}.csv',
    path: 'sales/2026/11',
    idempotencyKey: `sales-by-shop-${DAY}`,
    source: { bigquery: { query: 'sales-of-day', parameters: { day: DAY } } },
  };
  const receipt = await client.export(document);
  const isCorrect = checkReceipt(google, receipt, hash('sha256', Buffer.from(QUERY_CSV)));
  await client.export(document);
  const jobs = google.calls.count({ method: 'POST', host: 'bigquery.googleapis.com', path: /\/jobs$/ });
  console.log(`   ${jobs === 1 ? '✓' : '✗'} jobs in BigQuery: ${jobs}`);
  return isCorrect && jobs === 1;
};

const appendRows = ({ google, client }: Demo): Promise<boolean> => appendToSheet(google, client);

const DELIVERIES = [sendReportTwice, sendBackup, publishCustomers, appendRows, sendJapaneseName, exportQuery];

/** Runs every delivery of the demo. Returns how many went wrong. */
export const runDeliveries = async (demo: Demo): Promise<number> => {
  let failures = 0;
  for (const deliver of DELIVERIES) if (!(await deliver(demo))) failures += 1;
  return failures;
};
