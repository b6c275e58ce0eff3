import { z } from 'zod';
import type { TransferRunRules } from '../config/schema/pubsub.ts';
import { CourierError } from '../errors.ts';
import { exportDocument, type ReadDocument } from '../exports/export-document.ts';
import { parseInput } from '../http/request/options.ts';
import { fillRunTemplate } from './run-template.ts';

/** https://cloud.google.com/bigquery/docs/reference/datatransfer/rest/v1/projects.locations.transferConfigs.runs#TransferRun */
const transferRun = z.object({
  /** `projects/PROJECT/locations/LOCATION/transferConfigs/CONFIG/runs/RUN` */
  name: z.string().min(1),
  state: z.string(),
  runTime: z.iso.datetime({ offset: true }).transform((text) => Date.parse(text)),
  destinationDatasetId: z.string().default(''),
  params: z.object({ destination_table_name_template: z.string().default('') }).default({
    destination_table_name_template: '',
  }),
});

const parseRun = (data: Buffer): z.output<typeof transferRun> => {
  try {
    return transferRun.parse(JSON.parse(data.toString()));
  } catch (cause) {
    throw new CourierError('request-invalid', { detail: 'The data of the message is not a transfer run.', cause });
  }
};

/** The document that a run asks for, or why it asks for none. `isLoss`: somebody may expect the file. */
export type TransferRunReading = { document: ReadDocument } | { why: string; isLoss: boolean };

/**
 * Reads the notification of a run of the BigQuery Data Transfer Service, such as a scheduled query: its destination table is to
 * be exported, once for each run (https://cloud.google.com/bigquery/docs/transfer-run-notifications).
 * @param ownProject the courier's project, in which the table is unless the rules name another
 * @throws CourierError `request-invalid`, `name-invalid`, `path-invalid`
 */
export const readTransferRun = (
  data: Buffer,
  rules: TransferRunRules | undefined,
  ownProject: string | undefined,
): TransferRunReading => {
  if (rules === undefined) {
    throw new CourierError('request-invalid', {
      detail: 'The message is the notification of a transfer run, and its subscription has no "transferRuns".',
      remedy: 'Set "transferRuns" of the subscription in the configuration.',
    });
  }
  const { name: key, state, runTime, destinationDatasetId: dataset, params } = parseRun(data);
  if (state !== 'SUCCEEDED') return { why: `the run ${key} is ${state}`, isLoss: true };
  // Queries that define or change tables themselves have no destination.
  const template = params.destination_table_name_template;
  if (dataset === '' || template === '') return { why: `the run ${key} has no destination table`, isLoss: true };
  // The notification names the project by its number.
  const project = rules.project ?? ownProject;
  if (project === undefined) {
    throw new CourierError('request-invalid', {
      detail: "The project of the run's destination table is unknown.",
      remedy:
        'Set "project" under "transferRuns" of the subscription, or the environment variable GOOGLE_CLOUD_PROJECT.',
    });
  }
  const table = fillRunTemplate(template, { runTimeMs: runTime });
  const fill = (text: string): string => fillRunTemplate(text, { runTimeMs: runTime, words: { table } });
  const { destination, name, path, format = 'csv' } = rules;
  const fields = parseInput(exportDocument, {
    name: fill(name ?? `{table}.${format}`),
    ...(path === undefined ? {} : { path: fill(path) }),
    ...(destination === undefined ? {} : { destination }),
    idempotencyKey: key,
    source: { bigquery: { table: `${project}.${dataset}.${table}`, format } },
  });
  return { document: { fields, inline: undefined } };
};
