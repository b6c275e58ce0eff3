import { readFileSync } from 'node:fs';
import { type Call, type Command, refuse } from './call.ts';
import { LATEST, type RunService } from './state.ts';

const BUILD_DENIED =
  "INVALID_ARGUMENT: could not resolve source: googleapi: Error 403: drive-courier-build@my-project.iam.gserviceaccount.com does not have storage.objects.get access to the Google Cloud Storage object. Permission 'storage.objects.get' denied on resource (or it may not exist)., forbidden";
const ACT_AS_DENIED =
  "PERMISSION_DENIED: Permission 'iam.serviceaccounts.actAs' denied on service account drive-courier-run@my-project.iam.gserviceaccount.com (or it may not exist).";
const EVENTARC_DENIED =
  'FAILED_PRECONDITION: Invalid resource state for "": Permission denied while using the Eventarc Service Agent. If you recently started to use Eventarc, it may take a few minutes before all necessary permissions are propagated to the Service Agent. Otherwise, verify that it has Eventarc Service Agent role.';

/** The properties that `describe` can return. */
const attributesOf = (name: string, { digest, revisions, traffic }: RunService): Record<string, string> => ({
  name,
  'metadata.name': name,
  'metadata.labels.courier-digest': digest,
  'spec.traffic[0].revisionName': traffic === LATEST ? '' : traffic,
  'status.traffic[0].revisionName': traffic === LATEST ? (revisions.at(-1)?.name ?? '') : traffic,
});

const needService = ({ state }: Call, name = ''): RunService =>
  state.services[name] ?? refuse(`Cannot find service [${name}]`);

const labelsIn = (text = ''): Record<string, string> =>
  Object.fromEntries(text.split(',').flatMap((pair) => (pair.includes('=') ? [pair.split('=', 2)] : [])));

const deploy = (call: Call, name: string): void => {
  const { state, flags, needAccount, refuseWhileLagging, change } = call;
  needAccount(flags['service-account']);
  const [, builder = ''] = /serviceAccounts\/(\S+)$/.exec(flags['build-service-account'] ?? '') ?? [];
  const held = state.policies[`projects ${flags.project}`] ?? [];
  if (!held.some((binding) => binding.startsWith(`roles/run.builder serviceAccount:${builder} `))) refuse(BUILD_DENIED);
  refuseWhileLagging('build', BUILD_DENIED);
  refuseWhileLagging('actAs', ACT_AS_DENIED);
  const { 'courier-digest': digest = refuse('no digest'), ...labels } = labelsIn(flags.labels);
  change(() => {
    const environment = readFileSync(flags['env-vars-file'] ?? '', 'utf8');
    const before = state.services[name];
    const revisions = [...(before?.revisions ?? [])];
    const revision = `${name}-${String(revisions.length + 1).padStart(5, '0')}-abc`;
    revisions.push({ name: revision, ready: true, environment });
    state.services[name] = { digest, labels, environment, flags, revisions, traffic: before?.traffic ?? LATEST };
  });
};

const moveTraffic = (call: Call, name: string): void => {
  const { flags, change } = call;
  const service = needService(call, name);
  const [, revision] = /^(\S+)=100$/.exec(flags['to-revisions'] ?? '') ?? [];
  if (revision === undefined && flags['to-latest'] === undefined) refuse('no traffic in the command');
  if (revision !== undefined && !service.revisions.some((each) => each.name === revision))
    refuse(`Revision [${revision}] does not exist`);
  change(() => {
    service.traffic = revision ?? LATEST;
  });
};

export const SERVERLESS: Command[] = [
  [
    /^run services describe (\S+)$/,
    (call, [, name = '']) => call.printAttributes(attributesOf(name, needService(call, name))),
  ],
  [/^run deploy (\S+)$/, (call, [, name = '']) => deploy(call, name)],
  [/^run services update-traffic (\S+)$/, (call, [, name = '']) => moveTraffic(call, name)],
  [
    /^run revisions list$/,
    (call) => {
      const { revisions } = needService(call, call.flags.service);
      const newestFirst = call.flags['sort-by'] === '~metadata.creationTimestamp' ? revisions.toReversed() : revisions;
      call.print(newestFirst.map(({ name, ready }) => `${name}\t${ready ? 'True' : 'False'}`).join('\n'));
    },
  ],
  [
    /^run services delete (\S+)$/,
    (call, [, name = '']) => {
      needService(call, name);
      call.change(() => {
        delete call.state.services[name];
        delete call.state.policies[`run services ${name}`];
      });
    },
  ],
  [
    /^eventarc triggers describe (\S+)$/,
    ({ describe }, [, name = '']) => describe('triggers', name, `NOT_FOUND: Resource 'triggers/${name}' was not found`),
  ],
  [
    /^eventarc triggers create (\S+)$/,
    (call, [, name = '']) => {
      needService(call, call.flags['destination-run-service']);
      call.needAccount(call.flags['service-account']);
      call.refuseWhileLagging('eventarc', EVENTARC_DENIED);
      call.create('triggers', name);
    },
  ],
  [/^eventarc triggers delete (\S+)$/, ({ remove }, [, name = '']) => remove('triggers', name)],
];
