import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { CourierClient, type Receipt } from '../src/client/index.ts';
import { startCourierProcess } from './courier-process.ts';
import { checkReceipt, filesNamed, sha256Of } from './demo/check.ts';
import { AUDIENCE, demoConfig } from './demo/config.ts';
import { salesCsv, writeNoise } from './demo/files.ts';
import { printReceipt, withProgress } from './demo/print.ts';
import { publishExport } from './demo/publish.ts';
import { startLocalGoogle } from './google/server.ts';

/** `npm run demo`: a Google on this machine, the courier beside it, and real files through the real client. */

const DAY = '2026-11-24';
const MEBIBYTES = 80;
/** 128 + SIGINT, as shells say it. */
const INTERRUPTED = 130;
/** EX_USAGE of sysexits.h. */
const WRONG_USAGE = 64;
const USAGE = 'Usage: npm run demo -- [--once]';

/** Everything that the demo shows; answers how many receipts did not hold. */
const show = async (
  google: Awaited<ReturnType<typeof startLocalGoogle>>,
  url: string,
  folder: string,
): Promise<number> => {
  const { exporter } = google.world.keyFiles;
  const client = new CourierClient({
    url,
    audience: AUDIENCE,
    ...(exporter === undefined ? {} : { keyFile: exporter }),
    sessionFolder: join(folder, 'sessions'),
    env: { COURIER_GOOGLE_ORIGIN: google.origin },
  });
  const check = (receipt: Receipt, sha256: string): number => {
    const fault = checkReceipt(google, receipt, sha256);
    printReceipt(receipt, fault);
    return fault === undefined ? 0 : 1;
  };
  let faults = 0;

  console.log('\n1. A report: a CSV, into folders that are made on the way');
  const csv = Buffer.from(salesCsv(DAY));
  const report = { name: `sales-${DAY}.csv`, path: 'sales/2026/11', idempotencyKey: `sales-${DAY}` };
  const first = await client.send(csv, report);
  faults += check(first, sha256Of(csv));

  console.log('\n2. The same again, as a retry would send it: the same file, no twin');
  const again = await client.send(csv, report);
  faults += check(again, sha256Of(csv));
  if (again.id !== first.id || again.outcome !== 'replayed') {
    console.log(`   ✗ expected the file ${first.id} to be replayed`);
    faults += 1;
  }

  console.log(`\n3. A backup of ${MEBIBYTES} MiB: the courier opens the session, the client sends the bytes to Drive`);
  const path = join(folder, 'backup.zip');
  const sha256 = await writeNoise(path, MEBIBYTES, 7);
  const backup = await withProgress((onProgress) => client.send(path, { path: 'backups', onProgress }));
  faults += check(backup, sha256);

  console.log('\n4. An export that Pub/Sub pushes: rows become a CSV');
  const rows = [
    { customer: 'Ærø Ltd', plan: 'team', seats: 12 },
    { customer: '=HYPERLINK("http://evil.example")', plan: 'solo', seats: 1 },
  ];
  const document = { name: 'customers.csv', path: 'exports', idempotencyKey: `customers-${DAY}`, source: { rows } };
  const { by, statuses } = await publishExport(google, { courierUrl: url, document, times: 2 });
  const exported = filesNamed(google, document.name);
  const isOnce = statuses.every((status) => status === 204) && exported.length === 1;
  console.log(`   published twice, by ${by}; answered ${statuses.join(' and ')}: ${exported.length} file`);
  if (!isOnce) {
    console.log('   ✗ expected two acknowledgements and one file');
    faults += 1;
  }
  return faults;
};

/** @throws for what is no option */
const readOptions = (): { once: boolean; help: boolean } => {
  const options = {
    once: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  } as const;
  return parseArgs({ options }).values;
};

const demonstrate = async (once: boolean): Promise<number> => {
  const interrupted = new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve());
  });
  const folder = mkdtempSync(join(tmpdir(), 'drive-courier-demo-'));
  const google = await startLocalGoogle();
  console.log(`A Google on this machine   ${google.origin}`);
  const courier = await startCourierProcess({
    env: {
      COURIER_CONFIG: JSON.stringify(demoConfig(google)),
      COURIER_GOOGLE_ORIGIN: google.origin,
      GCE_METADATA_HOST: google.metadataHost,
      GOOGLE_CLOUD_PROJECT: google.world.project.id,
    },
  });
  console.log(`The courier beside it      ${courier.url}`);
  const close = async (): Promise<void> => {
    await courier.stop();
    await google.close();
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    const faults = await Promise.race([show(google, courier.url, folder), interrupted]);
    if (faults === undefined) return INTERRUPTED;
    console.log(
      faults === 0 ? '\nEvery receipt holds: Drive has those very bytes.' : `\n${faults} receipt(s) do not hold.`,
    );
    if (once) return faults === 0 ? 0 : 1;
    console.log(`\nLook at the files: ${google.origin}/\nCtrl-C ends it.`);
    await interrupted;
    return 0;
  } catch (error) {
    console.error(courier.lines.slice(-5).join('\n'));
    throw error;
  } finally {
    await close();
  }
};

const main = async (): Promise<number> => {
  let options: ReturnType<typeof readOptions>;
  try {
    options = readOptions();
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n${USAGE}`);
    return WRONG_USAGE;
  }
  if (!options.help) return demonstrate(options.once);
  console.log(USAGE);
  return 0;
};

// What an interruption has left unfinished is not waited for.
process.exit(await main());
