import type { LocalGoogle } from '../google/server.ts';

/** The query of the demo, as the courier's configuration has it. */
export const demoQueries = ({ world }: Pick<LocalGoogle, 'world'>): object => ({
  'sales-of-day': {
    sql: 'SELECT shop, SUM(amount) AS amount FROM sales.daily WHERE day = @day GROUP BY shop ORDER BY shop',
    parameters: { day: 'DATE' },
    maximumBytesBilled: 100_000_000,
    callers: [world.emails.exporter],
    destinations: ['reports'],
  },
});

/** The bytes of its result for the day of the rows below. */
export const QUERY_CSV = '\uFEFFshop,amount\r\n"Genève",7.25\r\n"Zürich",20\r\n';

/** Makes the table of the query, and gives the courier's own account the two roles that it needs. */
export const createSalesTable = async ({ origin, world }: LocalGoogle, day: string): Promise<void> => {
  const { runtime, ops } = world.emails;
  const token = world.accessToken(ops, ['https://www.googleapis.com/auth/cloud-platform']);
  const post = async (path: string, body: object): Promise<void> => {
    const response = await fetch(`${origin}/bigquery.googleapis.com/bigquery/v2/projects/local-project/${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}` },
      body: JSON.stringify(body),
    });
    if (!response.ok) throw new Error(`The local BigQuery answered ${response.status} for ${path}`);
  };
  world.grantOnProject(`serviceAccount:${runtime}`, 'roles/bigquery.jobUser');
  const access = [{ role: 'roles/bigquery.dataViewer', userByEmail: runtime }];
  await post('datasets', { datasetReference: { datasetId: 'sales' }, access });
  const fields = Object.entries({ day: 'DATE', shop: 'STRING', amount: 'NUMERIC' }).map(([name, type]) => ({
    name,
    type,
  }));
  await post('datasets/sales/tables', { tableReference: { tableId: 'daily' }, schema: { fields } });
  const rows = [
    { day, shop: 'Zürich', amount: '12.5' },
    { day, shop: 'Zürich', amount: '7.5' },
    { day, shop: 'Genève', amount: '7.25' },
  ];
  await post('datasets/sales/tables/daily/insertAll', { rows: rows.map((json) => ({ json })) });
};
