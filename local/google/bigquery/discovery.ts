import { type Discovery, readDiscovery } from '../drive/discovery/discovery.ts';

/** BigQuery v2, revision 20250528, with the resources datasets, jobs, projects, tabledata and tables. */
export const loadBigQueryDiscovery = (): Discovery =>
  readDiscovery(new URL('./bigquery-v2.discovery.json', import.meta.url));
