import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startCourierProcess } from './courier-process.ts';
import { demoConfig } from './demo/config.ts';
import { createDemoClient, runDeliveries } from './demo/deliveries.ts';
import { startLocalGoogle } from './google/server.ts';

/** `npm run demo`: starts a local Google and the courier, and sends files with the client. */

/** The exit code of a shell for SIGINT: 128 + 2. */
const INTERRUPTED = 130;
/** EX_USAGE in sysexits.h. */
const WRONG_USAGE = 64;
const USAGE = 'Usage: npm run demo -- [--once]';

/** @throws for an unknown option */
const readOptions = (): { once: boolean; help: boolean } => {
  const options = {
    once: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  } as const;
  return parseArgs({ options }).values;
};

/** Resolves at the first SIGINT or SIGTERM. */
const untilInterrupted = (): Promise<void> =>
  new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve());
  });

const runDemo = async (once: boolean): Promise<number> => {
  const interrupted = untilInterrupted();
  const folder = mkdtempSync(join(tmpdir(), 'drive-courier-demo-'));
  const google = await startLocalGoogle();
  console.log(`Local Google    ${google.origin}`);
  const courier = await startCourierProcess({
    env: {
      COURIER_CONFIG: JSON.stringify(demoConfig(google)),
      COURIER_GOOGLE_ORIGIN: google.origin,
      GCE_METADATA_HOST: google.metadataHost,
      GOOGLE_CLOUD_PROJECT: google.world.project.id,
    },
  });
  console.log(`Drive Courier   ${courier.url}`);
  try {
    const client = createDemoClient(google, courier.url, folder);
    const deliveries = runDeliveries({ google, client, courierUrl: courier.url, folder });
    const failures = await Promise.race([deliveries, interrupted]);
    if (failures === undefined) return INTERRUPTED;
    console.log(
      failures === 0
        ? '\nEvery receipt is correct: Drive stores exactly the bytes that were sent.'
        : `\nDeliveries that went wrong: ${failures}.`,
    );
    if (once) return failures === 0 ? 0 : 1;
    console.log(`\nTo see the files, open ${google.origin}/\nPress Ctrl-C to stop.`);
    await interrupted;
    return 0;
  } catch (error) {
    console.error(courier.lines.slice(-5).join('\n'));
    throw error;
  } finally {
    await courier.stop();
    await google.close();
    rmSync(folder, { recursive: true, force: true });
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
  if (!options.help) return runDemo(options.once);
  console.log(USAGE);
  return 0;
};

// Exits even while an interrupted delivery is still pending.
process.exit(await main());
