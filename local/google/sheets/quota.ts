import { errorInfo, rpcError } from '../http/api-error.ts';
import type { SheetsLimits } from './limits.ts';

const MINUTE_MS = 60_000;

interface Window {
  startedMs: number;
  requests: number;
}

/** Counts requests a minute, for each user and each project, reads and writes apart. */
export interface Quota {
  /** @throws ApiError 429 `RATE_LIMIT_EXCEEDED` */
  charge(who: { email: string; project: string }, kind: 'Read' | 'Write'): void;
}

/** The form was seen at Google: no `errors`, no Retry-After. */
const exceeded = (kind: 'Read' | 'Write', perUser: boolean, limit: number, project: string) => {
  const name = `${kind} requests`;
  const period = perUser ? 'per minute per user' : 'per minute';
  return rpcError(
    'RESOURCE_EXHAUSTED',
    `Quota exceeded for quota metric '${name}' and limit '${name} ${period}' of service 'sheets.googleapis.com' for consumer 'project_number:${project}'.`,
    [
      errorInfo('RATE_LIMIT_EXCEEDED', 'googleapis.com', {
        consumer: `projects/${project}`,
        quota_limit: `${kind}RequestsPerMinutePer${perUser ? 'User' : 'Project'}`,
        quota_limit_value: String(limit),
        quota_location: 'global',
        quota_metric: `sheets.googleapis.com/${kind.toLowerCase()}_requests`,
        service: 'sheets.googleapis.com',
      }),
    ],
  );
};

export function createQuota(now: () => number, limits: SheetsLimits): Quota {
  const windows = new Map<string, Window>();
  const windowOf = (key: string): Window => {
    const known = windows.get(key);
    if (known !== undefined && now() - known.startedMs < MINUTE_MS) return known;
    const fresh = { startedMs: now(), requests: 0 };
    windows.set(key, fresh);
    return fresh;
  };
  return {
    charge: ({ email, project }, kind) => {
      if (!limits.enforceQuota) return;
      const user = windowOf(`${kind} user ${project} ${email}`);
      const whole = windowOf(`${kind} project ${project}`);
      const { requestsPerMinutePerUser: perUser, requestsPerMinutePerProject: perProject } = limits;
      if (user.requests >= perUser) throw exceeded(kind, true, perUser, project);
      if (whole.requests >= perProject) throw exceeded(kind, false, perProject, project);
      user.requests += 1;
      whole.requests += 1;
    },
  };
}
