import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { type LocalGoogle, type LocalGoogleOptions, startLocalGoogle } from './server.ts';

const USAGE = 'Usage: npm run google -- [--port PORT] [--data DIR]';

/** @throws for an unknown option */
function readOptions(argv: readonly string[]): LocalGoogleOptions | 'help' {
  const options = {
    port: { type: 'string', default: '9010' },
    data: { type: 'string' },
    help: { type: 'boolean', short: 'h', default: false },
  } as const;
  const { values } = parseArgs({ args: [...argv], options, strict: true });
  if (values.help) return 'help';
  const port = Number(values.port);
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    throw new Error(`--port ${values.port} is not a port number.`);
  return { port, dataDir: values.data === undefined ? undefined : resolve(values.data) };
}

/** What users of this server need to know, as one line of JSON. */
const announcementOf = ({ origin, dataDir, metadataHost, world, bucket, topic, places }: LocalGoogle): string =>
  JSON.stringify({
    origin,
    dataDir,
    keyFile: world.keyFiles.courier,
    callerKeyFile: world.keyFiles.exporter,
    keyFiles: world.keyFiles,
    secret: `${world.secret}/versions/latest`,
    bucket,
    topic,
    places,
    metadataHost,
  });

const failWith = (exitCode: number, error: unknown, hint = ''): void => {
  console.error(`${error instanceof Error ? error.message : String(error)}${hint}`);
  process.exitCode = exitCode;
};

const hintFor = (error: unknown): string =>
  (error as NodeJS.ErrnoException).code === 'EADDRINUSE'
    ? '\nChoose another port with --port, or 0 for any free port.'
    : '';

async function serve(options: LocalGoogleOptions): Promise<void> {
  const google = await startLocalGoogle(options);
  console.log(announcementOf(google));
  let closing = false;
  const close = (): void => {
    if (closing) return;
    closing = true;
    google.close().catch((error: unknown) => failWith(1, error));
  };
  process.on('SIGINT', close);
  process.on('SIGTERM', close);
}

function main(argv: readonly string[]): void {
  let options: LocalGoogleOptions | 'help';
  try {
    options = readOptions(argv);
  } catch (error) {
    // EX_USAGE in sysexits.h.
    failWith(64, error, `\n${USAGE}`);
    return;
  }
  if (options === 'help') console.log(USAGE);
  else serve(options).catch((error: unknown) => failWith(1, error, hintFor(error)));
}

main(process.argv.slice(2));
