import { inspectSpreadsheet } from '../../delivery/naming/spreadsheet.ts';
import type { Destination } from '../../delivery/resolve-options.ts';
import type { CallContext } from '../../drive/drive.ts';
import { asCourierError } from '../../errors.ts';
import { MAX_CELLS } from '../../sheets/sheets.ts';
import type { DoctorDependencies } from '../dependencies.ts';
import { projectOf } from '../remedies.ts';
import { type Check, failed, failedWith, passed, warned } from '../report.ts';
import type { ReadyAccount } from './credentials.ts';

type SheetDestination = Pick<Destination, 'sheets'>;

/** From this part of the limit on, the doctor warns. */
const WARN_AT = 0.8;

const failedApi = (thrown: unknown, { account }: ReadyAccount): Check => {
  const error = asCourierError(thrown);
  return error.code === 'drive-api-disabled'
    ? failedWith('sheets-api', error, `gcloud services enable sheets.googleapis.com --project=${projectOf(account)}`)
    : failedWith('sheets-api', error);
};

/** Whether the Sheets API is enabled. There may be no sheet yet, so the request names one that cannot exist. */
export const checkSheetsApi = async (
  { sheets }: SheetDestination,
  ready: ReadyAccount,
  context: CallContext,
): Promise<Check> => {
  try {
    await (await sheets()).inspect('none', context);
    return passed('sheets-api', 'Enabled.');
  } catch (thrown) {
    if (asCourierError(thrown).code === 'folder-not-found') return passed('sheets-api', 'Enabled.');
    return failedApi(thrown, ready);
  }
};

const checkSize = async (
  { sheets, spreadsheet }: SheetDestination & { spreadsheet: string },
  ready: ReadyAccount,
  context: CallContext,
): Promise<Check> => {
  try {
    const { tabs, cells } = await (await sheets()).inspect(spreadsheet, context);
    const detail = `Enabled; the spreadsheet has ${cells} cells in ${tabs} tabs. The limit is ${MAX_CELLS} cells.`;
    return cells < WARN_AT * MAX_CELLS
      ? passed('sheets-api', detail)
      : warned(
          'sheets-api',
          detail,
          'Delete rows, columns and tabs that are not needed, also empty ones, or set the destination to a new spreadsheet.',
        );
  } catch (thrown) {
    return failedApi(thrown, ready);
  }
};

/** Checks that rows can be written to the spreadsheet of a destination. Nothing is written. */
export const checkSpreadsheet = async (
  { log }: Pick<DoctorDependencies, 'log'>,
  destination: SheetDestination & Pick<Destination, 'name' | 'drive'> & { spreadsheet: string },
  ready: ReadyAccount,
  context: CallContext,
): Promise<Check[]> => {
  const { name, drive, spreadsheet } = destination;
  const share = `Share https://docs.google.com/spreadsheets/d/${spreadsheet}/edit with ${ready.account} as Editor`;
  try {
    const found = await inspectSpreadsheet(drive, spreadsheet, context);
    if (!found.canEdit) {
      return [failed('spreadsheet', `${ready.account} can only read "${found.name}".`, share)];
    }
    return [passed('spreadsheet', `"${found.name}"`), await checkSize(destination, ready, context)];
  } catch (thrown) {
    const error = asCourierError(thrown);
    log.warn({ error, destination: name }, 'The doctor cannot use the spreadsheet');
    return error.code === 'folder-not-found'
      ? [
          failedWith(
            'spreadsheet',
            error,
            `${share}, or correct destinations.${name}.spreadsheet in the configuration.`,
          ),
        ]
      : [failedWith('spreadsheet', error)];
  }
};
