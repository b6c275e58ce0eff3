import { callerToken, configuredService, courierService, pipe, type Running, run } from '../programs/contenders.ts';
import { median, type Report } from '../figures.ts';
import { sendBytes } from '../load.ts';
import type { GoogleProcess } from '../programs/processes.ts';

const MEBIBYTE = 1024 * 1024;

interface Shape {
  rounds: number;
  /** The sizes of the throughput file, and of the two whose memory use is compared. */
  mebibytes: { throughput: number; less: number; more: number };
  /** The size of the concurrent uploads. */
  uploads: number;
}

/** Memory and speed of large files through the service. */
export const benchLarge = async (google: GoogleProcess, { rounds, mebibytes, uploads }: Shape): Promise<Report> => {
  const token = await callerToken(google);
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/octet-stream' };
  let serial = 0;
  const send = async ({ url }: Running, mib: number): Promise<number> => {
    const path = `${url}/?name=large-${serial++}.bin`;
    const { seconds, fileId } = await sendBytes(path, { bytes: mib * MEBIBYTE, headers });
    await google.admin('removeFile', { fileId });
    return seconds;
  };
  /** The peak memory of a fresh process that receives one file of this size. */
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
    const service = await run(configuredService(google, { limits: { bufferBytes } }));
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
      const [bareSeconds, serviceSeconds] = [
        await send(bare, mebibytes.throughput),
        await send(service, mebibytes.throughput),
      ];
      if (round === 0) continue;
      speeds.bare.push(mebibytes.throughput / bareSeconds);
      speeds.service.push(mebibytes.throughput / serviceSeconds);
    }
  } finally {
    await Promise.all([bare.stop(), service.stop()]);
  }
  const [less, more, many] = [await peakOf(mebibytes.less), await peakOf(mebibytes.more), await peakOfMany()];
  const [bareSpeed, serviceSpeed] = [median(speeds.bare), median(speeds.service)];
  return {
    title: 'Large files',
    how: `One file of ${mebibytes.throughput} MiB in ${rounds} rounds, alternating with a bare pipe that neither hashes nor splits the data into chunks; then the peak resident memory of a new process.`,
    columns: ['', 'figure'],
    rows: [
      ['bare pipe, MiB a second', bareSpeed],
      ['courier, service, MiB a second', serviceSpeed],
      [`peak memory, one file of ${mebibytes.less} MiB, MiB`, less],
      [`peak memory, one file of ${mebibytes.more} MiB, MiB`, more],
      [`peak memory, ${uploads} files of 32 MiB at once with a buffer of 64 MiB, MiB`, many],
    ],
    bounds: [
      {
        what: 'speed over the bare pipe',
        value: serviceSpeed / bareSpeed,
        limit: 0.6,
        aim: 0.8,
        atLeast: true,
        quick: 0.3,
      },
      { what: `peak memory of ${mebibytes.more} MiB`, value: more, limit: 160, unit: ' MiB', quick: 180 },
      {
        what: `peak memory of ${mebibytes.more} over ${mebibytes.less} MiB`,
        value: more / less,
        limit: 1.1,
        quick: 1.4,
      },
      { what: `peak memory of ${uploads} at once`, value: many, limit: 320, unit: ' MiB', quick: 320 },
    ],
  };
};
