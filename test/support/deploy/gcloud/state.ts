/** The state of a project, as the recording gcloud keeps it. */
export interface ProjectState {
  number: string;
  /** gcloud's active account, usually a person. */
  account: string;
  apis: string[];
  /** Maps kind (`topics`, `secrets`, …) to name to the properties that `--format=value(…)` can request. */
  things: Record<string, Record<string, Record<string, string>>>;
  /** Maps a resource to its bindings, `role member condition`. */
  policies: Record<string, string[]>;
  /** Cloud Run services with their revisions, oldest first. */
  services: Record<string, RunService>;
  /** Dashboards, log metrics and alert policies, as JSON, by resource name. */
  monitoring: Record<'metrics' | 'dashboards' | 'policies', Record<string, Json>>;
  /** Accounts that IAM does not know everywhere yet: the first binding fails. */
  fresh: string[];
  /**
   * How often each of these still fails, as it does shortly after a project or resource is created: a build, the first
   * Eventarc trigger, an alert policy on a new metric, a role for Pub/Sub's own account, a call of an API that was just
   * enabled, a service that runs as a new account, the policy of a new account.
   */
  lags: Record<Lag, number>;
  /** Every command line as received. */
  calls: string[][];
  /** Those that changed something. */
  changes: string[];
  /** The fault: at the change with this number, before or after it took effect; or for one rejected command. */
  fault?: { change?: number; after?: boolean; refuse?: string; words?: string };
}

export type Lag = 'build' | 'eventarc' | 'metric' | 'agent' | 'api' | 'actAs' | 'account';
export type Json = Record<string, unknown>;

export interface RunService {
  digest: string;
  labels: Record<string, string>;
  environment: string;
  flags: Record<string, string>;
  revisions: { name: string; ready: boolean; environment: string }[];
  /** The revision that gets the traffic, or the latest one. */
  traffic: string;
}

export const LATEST = 'latest';

/** A new project in its first minutes, with one bucket in it. */
export const emptyProject = (): ProjectState => ({
  number: '123456789012',
  account: 'owner@example.com',
  // The APIs of a new project: https://cloud.google.com/service-usage/docs/enabled-service#default
  apis: ['logging', 'monitoring', 'serviceusage', 'storage'].map((api) => `${api}.googleapis.com`),
  things: { buckets: { 'gs://exports-bucket': { name: 'exports-bucket' } } },
  policies: {},
  services: {},
  monitoring: { metrics: {}, dashboards: {}, policies: {} },
  fresh: [],
  lags: { build: 1, eventarc: 1, metric: 1, agent: 1, api: 0, actAs: 1, account: 1 },
  calls: [],
  changes: [],
});

/**
 * A project from before 2021-04-08, in which Pub/Sub's own account may not create tokens, and all changes have taken
 * effect long ago.
 */
export const oldProject = (): ProjectState => ({
  ...emptyProject(),
  lags: { build: 0, eventarc: 0, metric: 0, agent: 0, api: 0, actAs: 0, account: 0 },
});
