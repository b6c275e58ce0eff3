import { createProgress } from '../../src/client/commands/progress.ts';
import type { Receipt, SendOptions } from '../../src/client/index.ts';

/** A receipt as a person reads it, and whether Drive bears it out. */
export const printReceipt = (receipt: Receipt, fault: string | undefined): void => {
  const where = [receipt.destination, receipt.path, receipt.name].filter((part) => part !== '').join(' / ');
  console.log(`   ${fault === undefined ? '✓' : '✗'} ${receipt.outcome}  ${where}`);
  console.log(`     ${receipt.size.toLocaleString('en')} bytes, sha256 ${receipt.sha256}`);
  console.log(`     ${receipt.webViewLink}`);
  if (fault !== undefined) console.log(`     ${fault}`);
};

/** Runs a sending with the client's own progress bar, where there is a terminal. */
export const withProgress = async (
  send: (onProgress: NonNullable<SendOptions['onProgress']>) => Promise<Receipt>,
): Promise<Receipt> => {
  const progress = createProgress({ stderr: process.stderr, now: Date.now });
  try {
    return await send(progress.show);
  } finally {
    progress.end();
  }
};
