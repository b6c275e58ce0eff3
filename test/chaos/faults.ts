/**
 * The faults between the courier and Drive, each with its share of the total probability. Rate limits are few: each one
 * halves the courier's rate for a minute, which is correct, but would turn a run of minutes into one of hours.
 */
export const driveFaults = (probability: number, seed: number): { seed: number; rules: object[] } => {
  const host = 'www.googleapis.com';
  const rule = (part: number, fault: object, where: object = {}): object => ({
    host,
    probability: probability * part,
    fault,
    ...where,
  });
  const uploads = { path: '/upload/*' };
  return {
    seed,
    rules: [
      rule(0.25, { kind: 'status', status: 503, reason: 'backendError' }),
      rule(0.1, { kind: 'status', status: 500, reason: 'internalError' }),
      rule(0.1, { kind: 'reset', when: 'before' }),
      rule(0.1, { kind: 'reset', when: 'during', afterBytes: 1_000 }),
      rule(0.1, { kind: 'reset', when: 'after' }),
      rule(0.15, { kind: 'answer-lost' }),
      rule(0.05, { kind: 'answer-cut', afterBytes: 20 }),
      rule(0.1, { kind: 'delay', ms: 150 }),
      rule(0.05, { kind: 'corrupt', offset: 3 }, uploads),
      rule(0.5, { kind: 'partial', storeAtMostBytes: 300_000 }, { ...uploads, method: 'PUT' }),
      rule(0.3, { kind: 'forget-session' }, { ...uploads, method: 'PUT' }),
      rule(0.1, { kind: 'status', status: 403, reason: 'userRateLimitExceeded' }, { times: 3 }),
      rule(0.1, { kind: 'status', status: 429, reason: 'rateLimitExceeded', retryAfterSeconds: 1 }, { times: 3 }),
    ],
  };
};

/** The faults between the courier and Sheets, besides those of Drive. */
export const sheetFaults = (probability: number, seed: number): object => {
  const { rules } = driveFaults(probability, seed);
  const rule = (part: number, fault: object): object => ({
    host: 'sheets.googleapis.com',
    probability: probability * part,
    fault,
  });
  return {
    seed,
    rules: [
      ...rules,
      rule(0.25, { kind: 'status', status: 503, reason: 'backendError' }),
      rule(0.1, { kind: 'reset', when: 'before' }),
      rule(0.15, { kind: 'reset', when: 'after' }),
      rule(0.3, { kind: 'answer-lost' }),
      rule(0.1, { kind: 'answer-cut', afterBytes: 20 }),
      rule(0.1, { kind: 'delay', ms: 150 }),
    ],
  };
};
