import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { seededRandom } from '../google/random.ts';

const MEBIBYTE = 1024 * 1024;

/** A small daily report. */
export const salesCsv = (day: string): string => {
  const random = seededRandom(Number(day.replaceAll('-', '')));
  const shops = ['Lisbon', 'Zürich', 'München', 'Kraków', 'San José', 'Aarhus', 'Nagoya', 'Montréal'];
  const rows = shops.map((shop) => [day, shop, Math.floor(random() * 400), (random() * 20_000).toFixed(2)].join(','));
  return `${['day,shop,orders,revenue', ...rows].join('\r\n')}\r\n`;
};

/** Writes a file that cannot be compressed. The same seed gives the same file. Returns its SHA-256 in hex. */
export const writeNoise = async (path: string, mebibytes: number, seed: number): Promise<string> => {
  const random = seededRandom(seed);
  const hash = createHash('sha256');
  const file = createWriteStream(path);
  // One mebibyte of random bytes is written repeatedly. A counter in its first bytes makes each copy different.
  const piece = Buffer.alloc(MEBIBYTE);
  for (let at = 0; at < MEBIBYTE; at += 4) piece.writeUInt32LE(Math.floor(random() * 2 ** 32), at);
  for (let count = 0; count < mebibytes; count++) {
    piece.writeUInt32LE(count, 0);
    hash.update(piece);
    if (!file.write(Buffer.from(piece))) await once(file, 'drain');
  }
  file.end();
  await once(file, 'finish');
  return hash.digest('hex');
};
