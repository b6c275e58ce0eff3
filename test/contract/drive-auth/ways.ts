import { readFileSync } from 'node:fs';
import type { LocalGoogle } from '../../../local/google/server.ts';
import { DRIVE } from '../../../local/google/world/names.ts';
import type { Credential } from './harness.ts';

/** One kind of credentials. */
export interface Way {
  way: string;
  /** Prepares Google's state, and returns what the operator configures. */
  configure(google: LocalGoogle): Credential;
  /** The account of its tokens. */
  actsAs(google: LocalGoogle): string;
  /** The account in the remedies, if it differs: a refresh token does not name its user. */
  account?: undefined | null;
  /** The address of its last request. */
  mints: { host?: string; path: RegExp };
  /** True if it uses a secret that can be rotated. */
  inSecret?: true;
  /** True if the courier knows that its own identity comes from the metadata server. */
  onCloudRun?: true;
}

const bytesOf = (google: LocalGoogle, name: string): Buffer => readFileSync(google.world.keyFiles[name] ?? '');

/** A new secret with that document, which the platform's identity may read. */
export const inSecret = (google: LocalGoogle, name: string, bytes: Buffer): string => {
  const { secrets, project, emails } = google.world;
  if (secrets.find(name) === undefined) {
    secrets.create(name);
    secrets.allow(name, emails.runtime);
  }
  secrets.addVersion(name, bytes);
  return `projects/${project.id}/secrets/${name}`;
};

const TOKEN = { host: 'oauth2.googleapis.com', path: /^\/token$/ };
const GENERATE = { host: 'iamcredentials.googleapis.com', path: /:generateAccessToken$/ };

const courier = ({ world }: LocalGoogle): string => world.emails.courier;
const driveWriter = ({ world }: LocalGoogle): string => world.emails.driveWriter;
const alice = ({ world }: LocalGoogle): string => world.emails.alice;

export const WAYS: readonly Way[] = [
  {
    way: 'a service account’s key in a secret',
    configure: (google) => ({ secret: inSecret(google, 'contract-key', bytesOf(google, 'courier')) }),
    actsAs: courier,
    mints: TOKEN,
    inSecret: true,
  },
  {
    way: 'a service account’s key in a file',
    configure: ({ world }) => ({ file: world.keyFiles.courier }),
    actsAs: courier,
    mints: TOKEN,
  },
  {
    way: 'a service account’s key, acting for a user',
    configure(google) {
      const { courier, alice } = google.world.emails;
      google.world.delegate(courier, [DRIVE]);
      return { secret: inSecret(google, 'contract-delegated', bytesOf(google, 'courier')), subject: alice };
    },
    actsAs: alice,
    mints: TOKEN,
    inSecret: true,
  },
  {
    way: 'a person’s consent (authorized_user)',
    configure: (google) => ({ secret: inSecret(google, 'contract-person', bytesOf(google, 'authorized-user-alice')) }),
    actsAs: alice,
    account: null,
    mints: TOKEN,
    inSecret: true,
  },
  {
    way: 'federation from AWS by its environment (external_account)',
    configure: ({ world }) => ({ file: world.keyFiles['external-account-aws'] }),
    actsAs: driveWriter,
    mints: GENERATE,
  },
  {
    way: 'federation from AWS by IMDSv2 (external_account)',
    configure: ({ world }) => ({ file: world.keyFiles['external-account-ec2'] }),
    actsAs: driveWriter,
    mints: GENERATE,
  },
  {
    way: 'federation by an OIDC token in a file (external_account)',
    configure: (google) => ({ secret: inSecret(google, 'contract-oidc', bytesOf(google, 'external-account-oidc')) }),
    actsAs: driveWriter,
    mints: GENERATE,
    inSecret: true,
  },
  {
    way: 'impersonated_service_account over a person’s consent',
    configure: ({ world }) => ({ file: world.keyFiles['impersonated-service-account'] }),
    actsAs: driveWriter,
    mints: GENERATE,
  },
  {
    way: 'impersonate, without any key',
    configure: ({ world }) => ({ impersonate: world.emails.driveWriter }),
    actsAs: driveWriter,
    mints: GENERATE,
  },
  {
    way: 'impersonate with a subject, without any key',
    configure({ world }) {
      world.delegate(world.emails.driveWriter, [DRIVE]);
      return { impersonate: world.emails.driveWriter, subject: world.emails.alice };
    },
    actsAs: alice,
    mints: TOKEN,
  },
  {
    way: 'adc, where the platform heeds scopes',
    configure: () => ({ adc: true }),
    actsAs: ({ world }) => world.emails.runtime,
    mints: { path: /\/service-accounts\/default\/token$/ },
  },
  {
    way: 'adc, on Cloud Run',
    configure: () => ({ adc: true }),
    actsAs: ({ world }) => world.emails.runtime,
    mints: { path: /\/service-accounts\/default\/token$/ },
    onCloudRun: true,
  },
  {
    way: 'a service account’s key in a secret, on Cloud Run',
    configure: (google) => ({ secret: inSecret(google, 'contract-cloud-run', bytesOf(google, 'courier')) }),
    actsAs: courier,
    mints: TOKEN,
    inSecret: true,
    onCloudRun: true,
  },
];
