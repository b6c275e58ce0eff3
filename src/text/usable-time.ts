/** The time, unless it is none that Drive can keep: years have four digits there. */
export const usableTime = (time: Date): Date | undefined =>
  Number.isFinite(time.getTime()) && /^\d{4}-/.test(time.toISOString()) ? time : undefined;
