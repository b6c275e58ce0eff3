import type { DestinationConfig, LabelValue } from '../config/schema/destination.ts';
import type { CallContext, DriveFile, DrivePolicy, LabelChange, Restrictions } from '../drive/drive.ts';
import { asCourierError, CourierError, type ErrorCode } from '../errors.ts';
import { pauseInTime, realSleep, type Sleep, VISIBILITY_WAITS_MS } from '../sleep.ts';
import { notShownYet } from './hidden-file.ts';
import type { DeliveryContext, Destination, ResolvedRequest } from './resolve-options.ts';

/** What a destination's configuration requires of each file, before anybody else gets access to it. */

export const restrictionsOf = (config: DestinationConfig): Restrictions | undefined => {
  const { readOnly, noDownload, copyRequiresWriterPermission, writersCanShare } = config;
  const restrictions: Restrictions = {
    ...(readOnly ? { readOnly } : {}),
    ...(noDownload === false ? {} : { noDownload: { readers: true, writers: noDownload === 'everyone' } }),
    ...(copyRequiresWriterPermission ? { copyRequiresWriterPermission } : {}),
    ...(writersCanShare ? {} : { writersCanShare }),
  };
  return Object.keys(restrictions).length === 0 ? undefined : restrictions;
};

type LabelFields = DestinationConfig['labels'][string]['fields'];
type Kind = LabelChange['fields'][number]['type'];

/** @throws CourierError `request-invalid` if the value comes from a property that the request lacks */
const fieldOf = (
  fieldId: string,
  value: LabelValue,
  { details: { properties = {} } }: Pick<ResolvedRequest, 'details'>,
): LabelChange['fields'][number] => {
  const [type, given] = Object.entries(value)[0] as [Kind, string | { property: string }];
  if (typeof given === 'string') return { fieldId, type, value: given };
  const { property } = given;
  const text = Object.hasOwn(properties, property) ? properties[property] : undefined;
  if (text !== undefined && text !== '') return { fieldId, type, value: text };
  throw new CourierError('request-invalid', {
    detail: `properties.${property} is missing: a label of this destination takes its value from it.`,
  });
};

/** A label with the values of a request. @throws CourierError `request-invalid` */
const labelOf = (labelId: string, fields: LabelFields, request: Pick<ResolvedRequest, 'details'>): LabelChange => ({
  labelId,
  fields: Object.entries(fields).map(([fieldId, value]) => fieldOf(fieldId, value, request)),
});

/** The required labels of a destination with the values of a request. @throws CourierError `request-invalid` */
export const labelsOf = (request: Pick<ResolvedRequest, 'details' | 'destination'>): LabelChange[] =>
  Object.entries(request.destination.config.labels).flatMap(([labelId, { required, fields }]) =>
    required ? [labelOf(labelId, fields, request)] : [],
  );

/** The labels whose values are all in the configuration. */
export const fixedLabels = (labels: DestinationConfig['labels'], isRequired: boolean): LabelChange[] =>
  Object.entries(labels)
    .filter(([, { required }]) => required === isRequired)
    .filter(([, { fields }]) => Object.values(fields).every((value) => typeof Object.values(value)[0] === 'string'))
    .map(([labelId, { fields }]) => labelOf(labelId, fields, { details: {} }));

export const REMEDIES = {
  'policy-forbidden':
    'Give {account} the rights for the restrictions of this destination: readOnly needs Editor or Contributor, noDownload the owner of the file or a manager of the shared drive, writersCanShare the owner in My Drive. Or change them in the configuration.',
  'label-refused':
    'Check the ids in "labels" of the configuration, that the label is published, and that {account} may apply it.',
} as const satisfies Partial<Record<ErrorCode, string>>;

interface Pauses {
  /** Its signal ends only the pauses: the file is stored, and would otherwise stay without its policy. */
  context: CallContext;
  now: () => number;
  sleep: Sleep;
}

/**
 * Changes a file. While Drive answers 404, the change is tried again, because Drive may show a new file late.
 * @throws CourierError `drive-unavailable` if there is no time for another attempt, or the caller has left
 */
const whenShown = async (change: () => Promise<void>, pauses: Pauses): Promise<void> => {
  for (const pauseMs of VISIBILITY_WAITS_MS) {
    try {
      return await change();
    } catch (error) {
      if (asCourierError(error).code !== 'folder-not-found') throw error;
      if (!(await pauseInTime(pauseMs, pauses))) throw notShownYet();
    }
  }
  return change();
};

/** Runs one step. If it fails permanently, the file stays unshared, and the error says so. */
const mustSucceed = async (
  code: keyof typeof REMEDIES,
  { what, log, fileId, pauses }: { what: string; log: DeliveryContext['log']; fileId: string; pauses: Pauses },
  work: () => Promise<void>,
): Promise<void> => {
  try {
    await whenShown(work, pauses);
  } catch (thrown) {
    const error = asCourierError(thrown);
    log.warn({ error, fileId }, 'the file is stored, but not shared, because the policy of its destination failed');
    if (error.retryable) throw error;
    const why = error.detail ?? `${error.title}.`;
    throw new CourierError(code, {
      detail: `The file is stored, but it is not shared, because ${what} could not be set. ${why}`,
      ...{
        remedy: `${REMEDIES[code]} Then send it again with the same Idempotency-Key.`,
        facts: error.facts,
        reason: error.reason ?? error.code,
        cause: error,
      },
    });
  }
};

/**
 * Works as the account that has written the file; if that one may not, as the other accounts of the destination. Of a file
 * that is replaced, the owner may be another one, and some restrictions are only for the owner.
 */
const asAnyAccount = async (
  { drive, accounts }: Destination,
  work: (policy: DrivePolicy) => Promise<void>,
): Promise<void> => {
  const others = (accounts?.all() ?? []).map((other) => other.drive).filter((other) => other !== drive);
  let refusal: unknown;
  for (const each of [drive, ...others]) {
    try {
      return await work(await each.policy());
    } catch (error) {
      if (asCourierError(error).retryable) throw error;
      refusal ??= error;
    }
  }
  throw refusal;
};

/** Puts the labels on a file that are not required. @returns warnings about those that could not be put on it */
const setOptionalLabels = async (
  { request, log }: Pick<DeliveryContext, 'request' | 'log'>,
  fileId: string,
  context: CallContext,
): Promise<string[]> => {
  const { config } = request.destination;
  const warnings: string[] = [];
  for (const [labelId, { required, fields }] of Object.entries(config.labels)) {
    if (required) continue;
    try {
      const label = labelOf(labelId, fields, request);
      // Drive answers 404 for an unknown label as well, and a wrong configuration must not slow down every delivery.
      await asAnyAccount(request.destination, (policy) => policy.setLabels(fileId, [label], context));
    } catch (thrown) {
      const error = asCourierError(thrown);
      log.warn({ error, fileId, labelId }, 'an optional label could not be set');
      warnings.push(`The label ${labelId} was not set: ${error.detail ?? `${error.title}.`}`);
    }
  }
  return warnings;
};

/**
 * Puts the labels and the restrictions of the destination on a file. The labels come first: afterwards it may be read-only.
 * @returns warnings about optional labels
 * @throws CourierError `label-refused`, `policy-forbidden`, and transient ones
 */
export const applyPolicy = async (
  {
    request,
    log,
    now,
    sleep = realSleep,
  }: Pick<DeliveryContext, 'request' | 'log' | 'now'> & Partial<Pick<DeliveryContext, 'sleep'>>,
  file: Pick<DriveFile, 'id' | 'modifiedTime'>,
  context: CallContext,
): Promise<string[]> => {
  const { config } = request.destination;
  const labels = labelsOf(request);
  const restrictions = restrictionsOf(config);
  const { signal: _, ...unending } = context;
  const step = { log, fileId: file.id, pauses: { context, now, sleep } };
  if (labels.length > 0)
    await mustSucceed('label-refused', { ...step, what: 'its labels' }, () =>
      asAnyAccount(request.destination, (policy) => policy.setLabels(file.id, labels, unending)),
    );
  const warnings = await setOptionalLabels({ request, log }, file.id, unending);
  if (restrictions !== undefined) {
    const what = Object.keys(restrictions).join(', ');
    await mustSucceed('policy-forbidden', { ...step, what }, () =>
      asAnyAccount(request.destination, (policy) => policy.restrict(file, restrictions, unending)),
    );
  }
  return warnings;
};
