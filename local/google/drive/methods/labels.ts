import { z } from 'zod';
import { visibleFile } from '../access/access.ts';
import { capabilitiesOf } from '../access/capabilities.ts';
import { checkBody } from '../call/body.ts';
import { type DriveCall, type Method, pathParameter } from '../call/call.ts';
import { badRequest, forbidden, insufficientFilePermissions, notFound } from '../errors.ts';
import type { LabelValueType, StoredFile, StoredLabel, StoredLabelValue } from '../model.ts';
import type { DriveState } from '../store/state.ts';

/**
 * Labels on files (guides/set-label, guides/list-labels). The labels themselves are an administrator's (Drive Labels API);
 * tests add them by `DriveControl.addLabel`.
 */

const values = z.array(z.string()).nullish();
const modification = z.object({
  labelId: z.string().nullish(),
  removeLabel: z.boolean().nullish(),
  fieldModifications: z
    .array(
      z.object({
        fieldId: z.string().nullish(),
        unsetValues: z.boolean().nullish(),
        setTextValues: values,
        setIntegerValues: z.array(z.union([z.string(), z.number()]).transform(String)).nullish(),
        setDateValues: values,
        setSelectionValues: values,
        setUserValues: values,
      }),
    )
    .nullish(),
});
const modifications = z.object({ labelModifications: z.array(modification).nullish() });
type FieldModification = NonNullable<z.infer<typeof modification>['fieldModifications']>[number];

const SETTERS: Readonly<Record<LabelValueType, keyof FieldModification>> = {
  text: 'setTextValues',
  integer: 'setIntegerValues',
  dateString: 'setDateValues',
  selection: 'setSelectionValues',
  user: 'setUserValues',
};

const FORMS: Partial<Readonly<Record<LabelValueType, RegExp>>> = {
  integer: /^-?\d{1,19}$/,
  dateString: /^\d{4}-\d{2}-\d{2}$/,
};

const invalid = (message: string): Error => badRequest(message, 'invalid', 'labelModifications');

/** The value that a field gets. @throws DriveError 400 for another type than the field's, and for a choice that it lacks */
const fieldValueOf = (label: StoredLabel, change: FieldModification): [string, StoredLabelValue | undefined] => {
  const { fieldId } = change;
  const field = fieldId && Object.hasOwn(label.fields, fieldId) ? label.fields[fieldId] : undefined;
  if (!fieldId || field === undefined) throw invalid(`The label has no field ${fieldId}.`);
  const { valueType, choices } = field;
  const set = Object.entries(SETTERS).filter(([, setter]) => change[setter] != null);
  if (set.some(([type]) => type !== valueType)) throw invalid(`The field ${fieldId} is of the type ${valueType}.`);
  const given = change[SETTERS[valueType]] as string[] | null | undefined;
  if (given == null) return [fieldId, undefined];
  if (given.length !== 1) throw invalid(`The field ${fieldId} takes one value.`);
  for (const value of given) {
    const isFit = (FORMS[valueType]?.test(value) ?? true) && (choices === undefined || choices.includes(value));
    if (!isFit || value === '') throw invalid(`The field ${fieldId} does not accept this value.`);
  }
  return [fieldId, { valueType, values: given }];
};

const labelResource = (id: string, fields: Record<string, StoredLabelValue>): Record<string, unknown> => ({
  kind: 'drive#label',
  id,
  revisionId: '1',
  fields: Object.fromEntries(
    Object.entries(fields).map(([fieldId, { valueType, values: given }]) => {
      const people = given.map((emailAddress) => ({ kind: 'drive#user', emailAddress }));
      return [
        fieldId,
        { kind: 'drive#labelField', id: fieldId, valueType, [valueType]: valueType === 'user' ? people : given },
      ];
    }),
  ),
});

const requested = (state: DriveState, call: DriveCall) =>
  // Neither method has the parameter supportsAllDrives: both work in shared drives.
  visibleFile(state, call.actor, pathParameter(call, 'fileId'), true);

/** @throws DriveError 404 for an unknown label, 403 for one that may not be applied */
const applicable = (state: DriveState, labelId: string | null | undefined): StoredLabel => {
  const label = labelId ? state.store.labels.get(labelId) : undefined;
  if (label === undefined) throw notFound('Label', labelId ?? '', 'labelId');
  if (label.isLocked === true) throw forbidden('cannotModifyRestrictedLabel', 'The label cannot be applied.');
  return label;
};

const changed = (state: DriveState, file: StoredFile, changes: z.infer<typeof modification>[]): string[] => {
  const labels = { ...file.labels };
  for (const { labelId, removeLabel, fieldModifications } of changes) {
    const label = applicable(state, labelId);
    if (removeLabel === true) {
      delete labels[label.id];
      continue;
    }
    const fields = new Map(Object.entries(labels[label.id] ?? {}));
    for (const change of fieldModifications ?? []) {
      const [fieldId, value] = fieldValueOf(label, change);
      if (value === undefined) fields.delete(fieldId);
      else fields.set(fieldId, value);
    }
    labels[label.id] = Object.fromEntries(fields);
  }
  file.labels = labels;
  return changes.map(({ labelId }) => labelId ?? '');
};

export const filesModifyLabels: Method = async (state, call) => {
  const body = await call.body();
  const { file: current, role } = requested(state, call);
  checkBody(state.discovery, 'ModifyLabelsRequest', body);
  const parsed = modifications.safeParse(body);
  if (!parsed.success) throw invalid('Invalid value.');
  if (capabilitiesOf(current, role).canModifyLabels !== true) throw insufficientFilePermissions(current.id);
  const file = structuredClone(current);
  const ids = changed(state, file, parsed.data.labelModifications ?? []);
  state.store.save(file);
  const labels = ids.flatMap((id) => (file.labels?.[id] === undefined ? [] : [labelResource(id, file.labels[id])]));
  return { resource: { kind: 'drive#modifyLabelsResponse', modifiedLabels: labels } };
};

export const filesListLabels: Method = (state, call) => {
  const { file } = requested(state, call);
  const labels = Object.entries(file.labels ?? {}).map(([id, fields]) => labelResource(id, fields));
  return { resource: { kind: 'drive#labelList', labels } };
};
