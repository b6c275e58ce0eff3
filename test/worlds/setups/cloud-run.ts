import { AUDIENCE, closedPort, type World } from '../visit.ts';
import { QUIET } from './expected.ts';

const ON_CLOUD_RUN = {
  ...QUIET,
  ledger: {
    result: 'warned',
    detail: /in memory: a retry that reaches another instance/,
    remedy: /firestore databases create/,
  },
} as const;

/** Whether Cloud Run rejects unauthenticated requests. */
export const CLOUD_RUN_WORLDS: readonly World[] = [
  {
    name: 'on Cloud Run, which refuses strangers',
    onCloudRun: true,
    finds: {
      ...ON_CLOUD_RUN,
      invoker: { result: 'passed', detail: /rejects requests to http:\/\/127\.0\.0\.1:\d+ / },
    },
  },
  {
    name: 'on Cloud Run, which lets everybody in',
    onCloudRun: true,
    arrange: (_, __, frontEnd) => void frontEnd.open(),
    finds: {
      ...ON_CLOUD_RUN,
      invoker: {
        result: 'failed',
        detail:
          /accepts unauthenticated requests at http:\/\/127\.0\.0\.1:\d+, and with "identity: cloud-run-iam" anybody can claim/,
        remedy:
          /^gcloud run services remove-iam-policy-binding drive-courier --region=REGION --project=local-project --member=allUsers --role=roles\/run\.invoker; gcloud run services update drive-courier --region=REGION --project=local-project --invoker-iam-check; until then/,
      },
    },
  },
  {
    name: 'on Cloud Run, whose address does not answer',
    onCloudRun: true,
    arrange: async (_, document) => {
      document.audiences = [AUDIENCE, `http://${await closedPort()}`];
      return undefined;
    },
    finds: {
      ...ON_CLOUD_RUN,
      invoker: {
        result: 'warned',
        detail:
          /^It is unknown whether Cloud Run rejects unauthenticated requests: http:\/\/127\.0\.0\.1:\d+: it does not answer \(ECONNREFUSED\)\.$/,
        remedy:
          /^gcloud run services get-iam-policy drive-courier --region=REGION --project=local-project; gcloud run services describe drive-courier/,
      },
    },
  },
  {
    name: 'configured for Cloud Run, and not there',
    arrange: (_, document) => {
      document.identity = 'cloud-run-iam';
    },
    finds: {
      ...QUIET,
      invoker: { result: 'skipped', detail: /not Cloud Run, so the courier checks signatures itself/ },
    },
  },
];
