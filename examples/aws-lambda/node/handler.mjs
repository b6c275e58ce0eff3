/**
 * An AWS Lambda function that puts a report into Google Drive by way of drive-courier. No key anywhere: the function's own
 * role is what Google believes (workload identity federation).
 *
 * Deploy with it: node_modules with drive-courier/client (docs/callers.md), and google-credentials.json as
 * "gcloud iam workload-identity-pools create-cred-config --aws" makes it (it holds no secret).
 * Environment: COURIER_URL, GOOGLE_APPLICATION_CREDENTIALS=google-credentials.json
 */
import { CourierClient } from 'drive-courier/client';

// Outside the handler: the client keeps its token for as long as the instance is warm.
const courier = new CourierClient({
  url: process.env.COURIER_URL ?? '',
  ...(process.env.COURIER_AUDIENCE ? { audience: process.env.COURIER_AUDIENCE } : {}),
});

const csvOf = (orders) => ['order,total', ...orders.map(({ order, total }) => `${order},${total}`), ''].join('\r\n');

/** @param event {day: '2026-11-24', orders: [{order, total}]} */
export const handler = async (event) => {
  const receipt = await courier.send(Buffer.from(csvOf(event.orders)), {
    name: `orders-${event.day}.csv`,
    // Lambda may run an event twice; the key makes it one file.
    idempotencyKey: `orders-${event.day}`,
  });
  return { outcome: receipt.outcome, link: receipt.webViewLink, sha256: receipt.sha256 };
};
