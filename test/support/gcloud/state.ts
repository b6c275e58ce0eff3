/** What a project holds, as the recording gcloud keeps it. */
export interface ProjectState {
  number: string;
  /** gcloud's active account: a person, as a rule. */
  account: string;
  apis: string[];
  /** Kind (`topics`, `secrets`, …) to name to what `--format=value(…)` can ask for. */
  things: Record<string, Record<string, Record<string, string>>>;
  /** Resource to its bindings, `role member condition`. */
  policies: Record<string, string[]>;
  /** Cloud Run services, with their revisions, oldest first. */
  services: Record<string, RunService>;
  /** Dashboards, log metrics and alert policies, as JSON, by resource name. */
  monitoring: Record<'metrics' | 'dashboards' | 'policies', Record<string, Json>>;
  /** Accounts that IAM does not know everywhere yet: the first binding fails. */
  fresh: string[];
  /**
   * How often each of these still fails, as it does in the first minutes of a project or of what was just made: a build, the
   * first Eventarc trigger, an alert policy on a new metric, a role for Pub/Sub's own account, a call of an API that was
   * just turned on.
   */
  lags: Record<Lag, number>;
  /** Every command line, as it came. */
  calls: string[][];
  /** Those that changed something. */
  changes: string[];
  /** What goes wrong: the change with this number, before or after it took effect; or a command that is refused. */
  fault?: { change?: number; after?: boolean; refuse?: string; words?: string };
}

export type Lag = 'build' | 'eventarc' | 'metric' | 'agent' | 'api';
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

/** A project of today, in its first minutes, with one bucket in it. */
export const emptyProject = (): ProjectState => ({
  number: '123456789012',
  account: 'owner@example.com',
  // What is on in a new project: https://cloud.google.com/service-usage/docs/enabled-service#default
  apis: ['logging', 'monitoring', 'serviceusage', 'storage'].map((api) => `${api}.googleapis.com`),
  things: { buckets: { 'gs://exports-bucket': { name: 'exports-bucket' } } },
  policies: {},
  services: {},
  monitoring: { metrics: {}, dashboards: {}, policies: {} },
  fresh: [],
  lags: { build: 1, eventarc: 1, metric: 1, agent: 1, api: 0 },
  calls: [],
  changes: [],
});

/** A project from before 2021-04-08, which Pub/Sub's own account may make no tokens in, and in which all has settled long since. */
export const oldProject = (): ProjectState => ({
  ...emptyProject(),
  lags: { build: 0, eventarc: 0, metric: 0, agent: 0, api: 0 },
});
