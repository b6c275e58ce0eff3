import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { startLocalGoogle } from './server.ts';

const USAGE = 'Usage: npm run google -- [--port PORT] [--data DIR]';

/** @throws with the usage, for what is no option */
function readOptions(argv: readonly string[]): { port: number; dataDir?: string } {
  const options = { port: { type: 'string', default: '9010' }, data: { type: 'string' } } as const;
  const { values } = parseArgs({ args: [...argv], options, strict: true });
  const port = Number(values.port);
  if (!Number.isInteger(port) || port < 0 || port > 65_535) throw new Error(`--port ${values.port} is no port.`);
  return { port, ...(values.data === undefined ? {} : { dataDir: resolve(values.data) }) };
}

async function main(): Promise<void> {
  const google = await startLocalGoogle(readOptions(process.argv.slice(2)));
  const { origin, dataDir, metadataHost, world, bucket, topic } = google;
  const ready = {
    origin,
    dataDir,
    keyFile: world.keyFiles.courier,
    callerKeyFile: world.keyFiles.exporter,
    keyFiles: world.keyFiles,
    secret: `${world.secret}/versions/latest`,
    bucket,
    topic,
    metadataHost,
  };
  console.log(JSON.stringify(ready));
  let closing = false;
  const close = (): void => {
    if (closing) return;
    closing = true;
    google.close().catch(fail);
  };
  process.on('SIGINT', close);
  process.on('SIGTERM', close);
}

const fail = (error: unknown): void => {
  console.error(error instanceof Error ? error.message : error);
  console.error(USAGE);
  process.exitCode = 64;
};

main().catch(fail);
