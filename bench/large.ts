import { request as call } from 'node:http';
import { callerToken, courierService, pipe, type Running, run } from './contenders.ts';
import { median, type Report } from './figures.ts';
import type { GoogleProcess } from './processes.ts';

const MEBIBYTE = 1024 * 1024;
const PIECE = Buffer.alloc(MEBIBYTE, 'drive-courier ');

/** Sends so many bytes as one body, as fast as they are taken; answers the seconds until the answer. */
const sendBytes = (
  url: string,
  { bytes, headers }: { bytes: number; headers: Readonly<Record<string, string>> },
): Promise<number> =>
  new Promise((resolve, reject) => {
    const startMs = performance.now();
    const request = call(url, { method: 'POST', headers: { ...headers, 'content-length': bytes }, agent: false });
    request.on('error', reject);
    request.on('response', (response) => {
      let text = '';
      response.on('data', (piece) => {
        text += piece;
      });
      response.on('end', () => {
        const isDone = response.statusCode === 200 || response.statusCode === 201;
        if (isDone) resolve((performance.now() - startMs) / 1000);
        else reject(new Error(`${response.statusCode}: ${text.slice(0, 300)}`));
      });
    });
    let left = bytes;
    const write = (): void => {
      while (left > 0) {
        const piece = left >= PIECE.byteLength ? PIECE : PIECE.subarray(0, left);
        left -= piece.byteLength;
        if (!request.write(piece)) {
          request.once('drain', write);
          return;
        }
      }
      request.end();
    };
    write();
  });

interface Shape {
  rounds: number;
  /** Of the throughput's file, and of the two whose memory is compared. */
  mebibytes: { throughput: number; less: number; more: number };
  /** Of the uploads at once. */
  uploads: number;
}

/** Memory and speed of large files through the service. */
export const benchLarge = async (google: GoogleProcess, { rounds, mebibytes, uploads }: Shape): Promise<Report> => {
  const token = await callerToken(google);
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/octet-stream' };
  let serial = 0;
  const send = async ({ url }: Running, mib: number): Promise<number> => {
    const { keep } = { keep: `large-${serial++}.bin` };
    const seconds = await sendBytes(`${url}/?name=${keep}`, { bytes: mib * MEBIBYTE, headers });
    await google.admin('purge', {});
    return seconds;
  };
  /** Peak memory of a fresh process that takes one file of this size. */
  const peakOf = async (mib: number): Promise<number> => {
    const service = await run(courierService(google));
    try {
      await send(service, mib);
      return service.peakBytes() / MEBIBYTE;
    } finally {
      await service.stop();
    }
  };
  const peakOfMany = async (): Promise<number> => {
    const bufferBytes = 64 * MEBIBYTE;
    const service = await run(courierService(google), {
      env: { ...withBuffer(courierService(google).env, bufferBytes) },
    });
    try {
      await Promise.all(Array.from({ length: uploads }, () => send(service, 32)));
      return service.peakBytes() / MEBIBYTE;
    } finally {
      await service.stop();
    }
  };

  const bare = await run(await pipe(google));
  const service = await run(courierService(google));
  const speeds: { bare: number[]; service: number[] } = { bare: [], service: [] };
  try {
    for (let round = 0; round <= rounds; round++) {
      const [one, other] = [await send(bare, mebibytes.throughput), await send(service, mebibytes.throughput)];
      if (round === 0) continue;
      speeds.bare.push(mebibytes.throughput / one);
      speeds.service.push(mebibytes.throughput / other);
    }
  } finally {
    await Promise.all([bare.stop(), service.stop()]);
  }
  const [less, more, many] = [await peakOf(mebibytes.less), await peakOf(mebibytes.more), await peakOfMany()];
  const [bareSpeed, serviceSpeed] = [median(speeds.bare), median(speeds.service)];
  return {
    title: 'Large files',
    how: `One file of ${mebibytes.throughput} MiB, ${rounds} rounds in turn against a bare pipe that neither hashes nor chunks; then the peak resident memory of a fresh process.`,
    columns: ['', 'figure'],
    rows: [
      ['bare pipe, MiB a second', bareSpeed],
      ['courier, service, MiB a second', serviceSpeed],
      [`peak memory, one file of ${mebibytes.less} MiB, MiB`, less],
      [`peak memory, one file of ${mebibytes.more} MiB, MiB`, more],
      [`peak memory, ${uploads} files of 32 MiB at once with a buffer of 64 MiB, MiB`, many],
    ],
    bounds: [
      { what: 'speed over the bare pipe', value: serviceSpeed / bareSpeed, floor: 0.6, aim: 0.8, atLeast: true },
      { what: `peak memory of ${mebibytes.more} MiB`, value: more, floor: 160, unit: ' MiB' },
      { what: `peak memory of ${mebibytes.more} over ${mebibytes.less} MiB`, value: more / less, floor: 1.1 },
      { what: `peak memory of ${uploads} at once`, value: many, floor: 320, unit: ' MiB' },
    ],
  };
};

/** The configuration as a document, since the environment form has no limits. */
const withBuffer = (env: Readonly<Record<string, string>>, bufferBytes: number): Record<string, string> => {
  const { COURIER_AUDIENCES, COURIER_CALLERS, COURIER_FOLDER, COURIER_SECRET, ...rest } = env;
  return {
    ...rest,
    COURIER_AUDIENCES: '',
    COURIER_CALLERS: '',
    COURIER_FOLDER: '',
    COURIER_SECRET: '',
    COURIER_CONFIG: JSON.stringify({
      audiences: [COURIER_AUDIENCES],
      destinations: { reports: { folder: COURIER_FOLDER, credentials: 'main', callers: [COURIER_CALLERS] } },
      credentials: { main: { secret: COURIER_SECRET } },
      limits: { bufferBytes },
    }),
  };
};
