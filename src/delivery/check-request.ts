import type { DeliveryOptions } from '../domain.ts';
import type { ResolvedRequest } from './resolve-options.ts';

/**
 * Refuses, before a byte is read, a request without a property that a label of the destination needs, and a request that does
 * not go with the spreadsheet of the destination.
 */
export const checkRequest = async (request: ResolvedRequest, options: DeliveryOptions): Promise<void> => {
  const { labels, spreadsheet } = request.destination.config;
  if (spreadsheet !== undefined) (await import('./check-spreadsheet.ts')).checkSpreadsheet(options, request);
  if (Object.keys(labels).length > 0) (await import('./policy.ts')).labelsOf(request);
};
