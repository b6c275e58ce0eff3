import { CLOCK_WORLDS } from './setups/clock.ts';
import { CLOUD_RUN_WORLDS } from './setups/cloud-run.ts';
import { CREDENTIAL_WORLDS } from './setups/credentials.ts';
import { DRIVE_API_WORLDS } from './setups/drive-api.ts';
import { FOLDER_WORLDS } from './setups/folders.ts';
import { HEALTHY_WORLDS } from './setups/healthy.ts';
import { KEY_WORLDS } from './setups/keys.ts';
import { LEDGER_WORLDS } from './setups/ledger.ts';
import { PERMISSION_WORLDS } from './setups/permissions.ts';
import { POLICY_WORLDS } from './setups/policies.ts';
import { PUBSUB_WORLDS } from './setups/messages/pubsub.ts';
import { SOURCE_WORLDS } from './setups/sources.ts';
import { SUBSCRIPTION_WORLDS } from './setups/messages/subscriptions.ts';
import { TABLE_AND_TOPIC_WORLDS } from './setups/messages/tables-and-topics.ts';
import type { World } from './visit.ts';

/** Each setup is broken in one way, and the doctor must report exactly that. */
export const WORLDS: readonly World[] = [
  ...POLICY_WORLDS,
  ...HEALTHY_WORLDS,
  ...FOLDER_WORLDS,
  ...PERMISSION_WORLDS,
  ...DRIVE_API_WORLDS,
  ...CREDENTIAL_WORLDS,
  ...KEY_WORLDS,
  ...LEDGER_WORLDS,
  ...CLOCK_WORLDS,
  ...PUBSUB_WORLDS,
  ...SUBSCRIPTION_WORLDS,
  ...SOURCE_WORLDS,
  ...TABLE_AND_TOPIC_WORLDS,
  ...CLOUD_RUN_WORLDS,
];
