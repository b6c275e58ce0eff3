import type { LocalGoogle } from '../../../local/google/server.ts';
import { CLOUD_PLATFORM } from '../../../local/google/world/names.ts';

/** Calls the local BigQuery as the owner of the project. */
export const askBigQuery = async (
  google: LocalGoogle,
  method: string,
  path: string,
  body?: unknown,
): Promise<unknown> => {
  const response = await fetch(`${google.origin}/bigquery.googleapis.com/bigquery/v2/projects/local-project${path}`, {
    method,
    headers: { authorization: `Bearer ${google.world.accessToken(google.world.emails.ops, [CLOUD_PLATFORM])}` },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
  return response.status === 204 ? undefined : response.json();
};

/** A dataset `sales` with the table `daily`, which the courier's own account may query. */
export const seedSales = async (google: LocalGoogle, { mayRunJobs = true } = {}): Promise<void> => {
  const { runtime, ops } = google.world.emails;
  if (mayRunJobs) google.world.grantOnProject(`serviceAccount:${runtime}`, 'roles/bigquery.jobUser');
  const access = [
    { role: 'OWNER', userByEmail: ops },
    { role: 'roles/bigquery.dataViewer', userByEmail: runtime },
  ];
  await askBigQuery(google, 'POST', '/datasets', { datasetReference: { datasetId: 'sales' }, location: 'EU', access });
  const fields = [
    { name: 'day', type: 'DATE' },
    { name: 'shop', type: 'STRING' },
    { name: 'amount', type: 'NUMERIC' },
  ];
  await askBigQuery(google, 'POST', '/datasets/sales/tables', {
    tableReference: { tableId: 'daily' },
    schema: { fields },
  });
  const rows = [
    { day: '2026-11-27', shop: 'Zürich', amount: '12.50' },
    { day: '2026-11-27', shop: '=1+1', amount: '-3' },
    { day: '2026-11-27', shop: '', amount: null },
    { day: '2026-11-28', shop: null, amount: '1' },
  ].map((json) => ({ json }));
  await askBigQuery(google, 'POST', '/datasets/sales/tables/daily/insertAll', { rows });
};
