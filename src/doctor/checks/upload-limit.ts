import { type Check, warned } from '../report.ts';

/** The bytes that Drive accepts from one account in a day: 750 GB (https://developers.google.com/workspace/drive/api/guides/limits). */
const DAILY_UPLOAD_BYTES = 750_000_000_000;

/** From this part of the daily limit on, the doctor warns. */
const WARN_AT = 0.8;

const gigabytes = (bytes: number): string => `${Math.round(bytes / 1e9)} GB`;

/** Adds a warning to the check "storage", once the account has nearly reached the daily upload limit of Drive. */
export const withUploadLimit = (checks: readonly Check[], account: string, uploadedBytes: number): Check[] =>
  checks.map((check) =>
    check.check !== 'storage' || check.result !== 'passed' || uploadedBytes < WARN_AT * DAILY_UPLOAD_BYTES
      ? check
      : warned(
          'storage',
          `${check.detail} The courier has uploaded ${gigabytes(uploadedBytes)} as ${account} since midnight UTC; Drive accepts ${gigabytes(DAILY_UPLOAD_BYTES)} a day.`,
          'Send large files tomorrow, or distribute the destinations over several accounts.',
        ),
  );
