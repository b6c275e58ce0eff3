import type { World } from '../world/world.ts';

const REGION = 'europe-west3';
const CLUSTER = 'local-cluster';

type Platform = World['state']['metadata']['platform'];

/** The `Server` header of each metadata server, as observed. */
export const SERVER_OF: Readonly<Record<Platform, string>> = {
  'cloud-run': 'Metadata Server for Serverless',
  'compute-engine': 'Metadata Server for VM',
  gke: 'GKE Metadata Server',
};

/**
 * The keys below `instance/` that depend on the platform. Cloud Run has a region and a made-up zone, but no machine
 * (https://cloud.google.com/run/docs/container-contract#metadata-server). Compute Engine has a machine and its zone,
 * but no region (https://cloud.google.com/compute/docs/metadata/predefined-metadata-keys). GKE has a "subset of the
 * Compute Engine metadata server" and its cluster
 * (https://cloud.google.com/kubernetes-engine/docs/concepts/workload-identity#metadata_server).
 */
const instanceKeys = (platform: Platform, number: string): Readonly<Record<string, string>> => {
  if (platform === 'cloud-run') {
    return {
      id: '0087244a4bcd0f3a1d15e7c8b2a09f6e',
      region: `projects/${number}/regions/${REGION}`,
      zone: `projects/${number}/zones/${REGION}-1`,
    };
  }
  const machine = { id: '4520031799277581759', zone: `projects/${number}/zones/${REGION}-a` };
  if (platform === 'compute-engine') {
    return {
      ...machine,
      hostname: `local-vm.${REGION}-a.c.local-project.internal`,
      'machine-type': `projects/${number}/machineTypes/e2-medium`,
      name: 'local-vm',
    };
  }
  return {
    ...machine,
    'attributes/cluster-location': REGION,
    'attributes/cluster-name': CLUSTER,
    'attributes/cluster-uid': '5f2d8f8e1c0b4a3f9d7e6c5b4a392817',
    hostname: `gke-${CLUSTER}-default-pool-1.${REGION}-a.c.local-project.internal`,
  };
};

/** The entries of a folder, as the servers list them. Folders end with a slash. */
const listing = (keys: readonly string[]): string =>
  `${[...new Set(keys.map((key) => key.replace(/\/.*$/, '/')))].sort().join('\n')}\n`;

/** All keys that have a text value, by path. */
export const metadataKeys = ({ state }: World): Readonly<Record<string, string>> => {
  const { project, metadata } = state;
  const instance = instanceKeys(metadata.platform, project.number);
  const instanceList = listing([...Object.keys(instance), 'service-accounts/']);
  const attributes = Object.keys(instance).flatMap((key) => (key.startsWith('attributes/') ? [key.slice(11)] : []));
  return {
    '': 'instance/\nproject/\nuniverse/\n',
    'project/project-id': project.id,
    'project/numeric-project-id': project.number,
    'universe/universe-domain': 'googleapis.com',
    'universe/universe_domain': 'googleapis.com',
    'instance/': instanceList,
    instance: instanceList,
    ...Object.fromEntries(Object.entries(instance).map(([key, value]) => [`instance/${key}`, value])),
    ...(attributes.length === 0 ? {} : { 'instance/attributes/': listing(attributes) }),
    'instance/service-accounts/': `default/\n${metadata.account}/\n`,
  };
};
