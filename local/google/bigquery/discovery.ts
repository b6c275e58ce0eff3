import { readFileSync } from 'node:fs';
import { type Discovery, readDiscovery } from '../drive/discovery/discovery.ts';

const DOCUMENT = new URL('./bigquery-v2.discovery.json', import.meta.url);

/** BigQuery v2, revision 20250528, with the resources datasets, jobs, projects, tabledata and tables. */
export const loadBigQueryDiscovery = (): Discovery => readDiscovery(DOCUMENT);

/** The document as clients get it. */
export const readDiscoveryDocument = (): unknown => JSON.parse(readFileSync(DOCUMENT, 'utf8'));
