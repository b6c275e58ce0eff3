import { usageLimit } from '../errors.ts';
import type { DriveLimits } from '../model.ts';

/** Quota units of a method since 2026-05-01: get 5, list 100, create and update 50, download 200, other 5 (guides/limits). */
const unitsOf = (methodId: string, isDownload: boolean): number => {
  if (isDownload) return 200;
  if (methodId.endsWith('.list')) return 100;
  if (/\.(create|update|copy)$/.test(methodId)) return 50;
  return 5;
};

interface Window {
  startedMs: number;
  units: number;
}

/** Counts quota units per minute, for each user and each project. */
export interface Quota {
  /** @throws DriveError 403 `userRateLimitExceeded`, 429 `rateLimitExceeded` */
  charge(who: { email: string; project: string }, methodId: string, isDownload: boolean): void;
  /** @throws DriveError 403 `userRateLimitExceeded` if the user has uploaded as much as is possible in a day */
  checkUploads(email: string): void;
  addUpload(email: string, bytes: number): void;
  /** The units that the user was charged since this server started. */
  units(email: string): number;
}

const MINUTE_MS = 60_000;

export function createQuota(now: () => number, limits: DriveLimits): Quota {
  const windows = new Map<string, Window>();
  const totals = new Map<string, number>();
  const uploads = new Map<string, number>();
  const uploadKey = (email: string): string => `${new Date(now()).toISOString().slice(0, 10)} ${email}`;
  const windowOf = (key: string): Window => {
    const known = windows.get(key);
    if (known !== undefined && now() - known.startedMs < MINUTE_MS) return known;
    const fresh = { startedMs: now(), units: 0 };
    windows.set(key, fresh);
    return fresh;
  };
  return {
    charge: ({ email, project }, methodId, isDownload) => {
      const units = unitsOf(methodId, isDownload);
      const user = windowOf(`user ${email}`);
      const whole = windowOf(`project ${project}`);
      // The messages are from guides/handle-errors, "userRateLimitExceeded" and "rateLimitExceeded".
      if (user.units + units > limits.unitsPerMinutePerUser)
        throw usageLimit(403, 'userRateLimitExceeded', 'User Rate Limit Exceeded');
      if (whole.units + units > limits.unitsPerMinutePerProject)
        throw usageLimit(429, 'rateLimitExceeded', 'Rate Limit Exceeded');
      user.units += units;
      whole.units += units;
      totals.set(email, (totals.get(email) ?? 0) + units);
    },
    checkUploads: (email) => {
      // The reason is that of a rate limit, but the message has lower-case letters: rclone, backend/drive/drive.go
      // (`StopOnUploadLimit`), and the answers in labbots/google-drive-upload issue 192.
      if ((uploads.get(uploadKey(email)) ?? 0) >= limits.uploadBytesPerDayPerUser)
        throw usageLimit(403, 'userRateLimitExceeded', 'User rate limit exceeded.');
    },
    addUpload: (email, bytes) => {
      const key = uploadKey(email);
      uploads.set(key, (uploads.get(key) ?? 0) + bytes);
    },
    units: (email) => totals.get(email) ?? 0,
  };
}
