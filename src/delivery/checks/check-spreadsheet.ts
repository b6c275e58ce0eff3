import type { DeliveryOptions } from '../../domain.ts';
import { CourierError } from '../../errors.ts';
import type { ResolvedRequest } from '../resolve-options.ts';

const DETAILS = ['description', 'createdTime', 'modifiedTime', 'properties', 'keepRevisionForever'] as const;

/**
 * Refuses what a destination with a spreadsheet does not support: it accepts rows, and has no folders. @throws CourierError
 */
export const checkSpreadsheet = (options: DeliveryOptions, { onConflict, convertTo }: ResolvedRequest): void => {
  const refused = (detail: string): CourierError =>
    new CourierError('request-invalid', {
      detail,
      remedy: 'The destination is a spreadsheet: send rows, with convertTo=sheet and onConflict=append or replace.',
    });
  if (convertTo !== 'sheet') throw refused(`convertTo=${convertTo} cannot be used with this destination.`);
  if (onConflict !== 'append' && onConflict !== 'replace') {
    throw refused(`onConflict=${onConflict} cannot be used with this destination.`);
  }
  if ((options.path ?? '') !== '' && options.isPathOfObject !== true) {
    throw refused('path cannot be used with this destination, because it has no folders.');
  }
  const detail = DETAILS.find((name) => options[name] !== undefined);
  if (detail !== undefined) throw refused(`${detail} cannot be used with this destination.`);
};
