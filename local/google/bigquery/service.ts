import type { GoogleService, ServiceContext } from '../google-service.ts';
import type { StorageService } from '../storage/service.ts';
import type { BigQueryApi } from './api.ts';
import type { JobSettings } from './state.ts';

/** BigQuery, and what tests set. */
export interface BigQueryService extends GoogleService {
  settings: JobSettings;
  /** Where answers of this BigQuery violated the discovery document. */
  readonly schemaViolations: readonly string[];
  close(): void;
}

/** Loads BigQuery and its engine when the first request for it arrives. */
export const createBigQueryService = (context: ServiceContext, storage: StorageService): BigQueryService => {
  const settings: JobSettings = { minMs: 0, extractBytes: 16 * 1024 * 1024 };
  let api: BigQueryApi | undefined;
  let loading: Promise<BigQueryApi> | undefined;
  const load = async (): Promise<BigQueryApi> => {
    const { createBigQueryApi } = await import('./api.ts');
    api = createBigQueryApi(context, { storage, settings });
    return api;
  };
  return {
    name: 'bigquery',
    hosts: ['bigquery.googleapis.com'],
    settings,
    get schemaViolations() {
      return api?.schemaViolations ?? [];
    },
    async handle(call) {
      loading ??= load();
      return (await loading).handle(call);
    },
    close: () => api?.close(),
  };
};
