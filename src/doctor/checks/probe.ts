import { createHash } from 'node:crypto';
import { fixedLabels, REMEDIES, restrictionsOf } from '../../delivery/policy.ts';
import { type Destination, folderOf } from '../../delivery/resolve-options.ts';
import { mustBeStored } from '../../delivery/store/upload-step.ts';
import type { CallContext } from '../../drive/drive.ts';
import { asCourierError } from '../../errors.ts';
import type { DoctorDependencies } from '../dependencies.ts';
import { type Facts, remedyFor } from '../remedies.ts';
import { type Check, type Fault, failed, passed, warned } from '../report.ts';

const MEDIA_TYPE = 'text/plain';

/** Puts the destination's restrictions and labels on the probe file, except labels whose values come from requests. */
const restrictProbe = async (
  { log }: Pick<DoctorDependencies, 'log'>,
  { name, config, drive }: Pick<Destination, 'name' | 'config' | 'drive'>,
  { id, account }: { id: string; account: string },
  context: CallContext,
): Promise<Fault | undefined> => {
  const labels = fixedLabels(config.labels, true);
  const optional = fixedLabels(config.labels, false);
  const restrictions = restrictionsOf(config);
  let what = 'labels';
  let result: Fault['result'] = 'failed';
  try {
    const policy = await drive.policy();
    if (labels.length > 0) await policy.setLabels(id, labels, context);
    what = Object.keys(restrictions ?? {}).join(', ');
    const file = restrictions === undefined ? undefined : await drive.get(id, context);
    if (file !== undefined && restrictions !== undefined) await policy.restrict(file, restrictions, context);
    [what, result] = ['labels', 'warned'];
    if (optional.length > 0) await policy.setLabels(id, optional, context);
    return undefined;
  } catch (thrown) {
    const error = asCourierError(thrown);
    log.warn({ error, destination: name }, 'The doctor cannot restrict its probe file');
    return {
      result,
      detail: `${what} could not be set on it: ${error.detail ?? `${error.title}.`}`,
      remedy: REMEDIES[what === 'labels' ? 'label-refused' : 'policy-forbidden'].replaceAll('{account}', account),
    };
  }
};

/** Creates a small file in the folder as a delivery does, compares its checksum, and removes it. */
export const checkByWriting = async (
  { log, wall }: Pick<DoctorDependencies, 'log' | 'wall'>,
  { name, config, drive }: Pick<Destination, 'name' | 'config' | 'drive'>,
  facts: Facts,
  context: CallContext,
): Promise<Check> => {
  const bytes = Buffer.from(`Test file of drive-courier's doctor, ${new Date(wall()).toISOString()}.\n`);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  let id: string;
  try {
    id = await drive.newId(context);
    const { id: folderId } = await drive.resolveFolder(folderOf({ config }), context);
    const file = { id, name: 'drive-courier-doctor.txt', mimeType: MEDIA_TYPE, folderId };
    const source = {
      size: bytes.length,
      mimeType: MEDIA_TYPE,
      async *open() {
        yield bytes;
      },
    };
    const request = { ...context, source, expectedSha256: sha256, maxBytes: bytes.length };
    mustBeStored(await drive.upload({ kind: 'create', file }, request));
  } catch (thrown) {
    const error = asCourierError(thrown);
    log.warn({ error, destination: name }, 'The doctor cannot write a probe file');
    return failed(
      'probe',
      `A probe file cannot be created: ${error.detail ?? `${error.title}.`}`,
      remedyFor(error, facts),
    );
  }
  const refusal = await restrictProbe(
    { log },
    { name, config, drive },
    { id, account: facts.account ?? "the courier's account" },
    context,
  );
  try {
    await drive.remove(id, context);
    if (refusal !== undefined) {
      const make = refusal.result === 'failed' ? failed : warned;
      return make('probe', `A probe file was created and removed, but ${refusal.detail}`, refusal.remedy);
    }
    return passed('probe', 'A probe file was created and removed.');
  } catch (thrown) {
    log.warn(
      { error: asCourierError(thrown), destination: name, fileId: id },
      'The doctor cannot remove its probe file',
    );
    return warned(
      'probe',
      'A probe file was created, but the account cannot remove it.',
      `Delete it by hand: https://drive.google.com/file/d/${id}/view`,
    );
  }
};
