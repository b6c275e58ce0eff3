/**
 * Sends rows as a CSV, and a file of any size, to Google Drive by way of drive-courier.
 * Who calls is found as Google's libraries find it: a key file, a metadata server, workload identity federation.
 *
 *   COURIER_URL=https://courier-xyz.a.run.app node send-report.ts report.pdf
 */
import { CourierClient, CourierClientError } from 'drive-courier/client';

const { COURIER_URL = '', COURIER_AUDIENCE } = process.env;
const [file] = process.argv.slice(2);

const courier = new CourierClient({
  url: COURIER_URL,
  ...(COURIER_AUDIENCE === undefined ? {} : { audience: COURIER_AUDIENCE }),
});

try {
  // The same key gives the same file, however often this runs today.
  const day = new Date().toISOString().slice(0, 10);
  const table = await courier.export({
    name: `orders-${day}.csv`,
    path: day.slice(0, 7).replace('-', '/'),
    idempotencyKey: `orders-${day}`,
    source: {
      rows: [
        { order: 1, total: '12.50' },
        { order: 2, total: '8.00' },
      ],
    },
  });
  console.log(`${table.outcome}: ${table.webViewLink}`);

  if (file !== undefined) {
    // Small files go in one request; large ones by an upload session that continues where it was interrupted.
    const receipt = await courier.send(file);
    console.log(`${receipt.outcome}: ${receipt.webViewLink}`);
  }
} catch (error) {
  if (!(error instanceof CourierClientError)) throw error;
  console.error(`${error.message}\n  ${error.remedy}`);
  process.exitCode = error.exitCode;
}
