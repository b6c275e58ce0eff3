import { z } from 'zod';
import type { TransferRunRules } from '../config/schema/pubsub.ts';
import { CourierError } from '../errors.ts';
import { bytesOf, scanAll } from '../exports/bytes/spool.ts';
import { exportDocument, type ReadDocument } from '../exports/export-document.ts';
import { IGNORE_EVENTS, JsonOutline } from '../exports/json/outline.ts';
import { JsonScanner } from '../exports/json/scanner.ts';
import { parseInput } from '../http/request/options.ts';
import { fillRunTemplate } from './run-template.ts';

/** https://cloud.google.com/bigquery/docs/reference/datatransfer/rest/v1/projects.locations.transferConfigs.runs#TransferRun */
const transferRun = z.object({
  /** `projects/PROJECT/locations/LOCATION/transferConfigs/CONFIG/runs/RUN` */
  name: z.string().min(1).max(255),
  state: z.string().max(64),
  runTime: z.iso.datetime({ offset: true }).transform((text) => Date.parse(text)),
  destinationDatasetId: z.string().default(''),
  params: z.object({ destination_table_name_template: z.string().default('') }).default({
    destination_table_name_template: '',
  }),
});

/** The fields that are read. Others, such as the text of the query, may be long. */
const FIELDS = new Set([
  '',
  'name',
  'state',
  'runTime',
  'destinationDatasetId',
  'params',
  'params.destination_table_name_template',
]);
const MAX_FIELDS_BYTES = 65_536;

const parseRun = async (data: Buffer): Promise<z.output<typeof transferRun>> => {
  const outline = new JsonOutline({
    objects: ['params'],
    follow: (path) => (FIELDS.has(path) ? undefined : { ...IGNORE_EVENTS, placeholder: 'null' }),
    maxBytes: MAX_FIELDS_BYTES,
    lenient: true,
  });
  const scanner = new JsonScanner(outline);
  outline.attach(scanner);
  try {
    await scanAll(bytesOf(data), scanner);
    return transferRun.parse(JSON.parse(outline.text()));
  } catch (cause) {
    throw new CourierError('request-invalid', { detail: 'The data of the message is not a transfer run.', cause });
  }
};

/** The document that a run requests, or why it requests none. `isLoss`: somebody may expect the file. */
export type TransferRunReading = { document: ReadDocument } | { why: string; isLoss: boolean };

/**
 * Reads the notification of a run of the BigQuery Data Transfer Service, such as a scheduled query: its destination table is to
 * be exported, once for each run (https://cloud.google.com/bigquery/docs/transfer-run-notifications).
 * @param ownProject the courier's project, in which the table is unless the rules name another
 * @throws CourierError `request-invalid`, `name-invalid`, `path-invalid`
 */
export const readTransferRun = async (
  data: Buffer,
  rules: TransferRunRules | undefined,
  ownProject: string | undefined,
): Promise<TransferRunReading> => {
  if (rules === undefined) {
    throw new CourierError('request-invalid', {
      detail: 'The message is the notification of a transfer run, and its subscription has no "transferRuns".',
      remedy: 'Set "transferRuns" of the subscription in the configuration.',
    });
  }
  const { name: key, state, runTime, destinationDatasetId: dataset, params } = await parseRun(data);
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
