import { z } from 'zod';
import { issueMessage } from '../faults.ts';
import { faultOfAudience } from './audience.ts';
import { credential } from './credential.ts';
import { destination } from './destination.ts';
import { ledger } from './ledger.ts';
import { named } from './named.ts';
import { perCaller } from './per-caller.ts';
import { principal } from './principal.ts';
import { pubsub, topic } from './pubsub.ts';
import { queries } from './queries.ts';

/** Options for zod. Compiling a parser takes longer than parsing the configuration once (docs/decisions/cold-start.md). */
export const PARSED_ONCE = { jitless: true, error: issueMessage };

const limits = z.strictObject({
  bufferBytes: z.int().min(262_144).nullable().default(null),
  concurrentUploads: z.int().positive().max(10_000).default(80),
  requestSeconds: z.int().positive().max(3600).default(3600),
  perCaller: perCaller.optional(),
});

/** The part of a document that its references need, so that they are checked even if there are other faults. */
const referencing = z.looseObject({
  destinations: z.record(z.string(), z.looseObject({ credentials: z.union([z.string(), z.array(z.string())]) })),
  credentials: z.record(z.string(), z.unknown()),
  pubsub: z.looseObject({
    subscriptions: z.record(z.string(), z.looseObject({ destinations: z.array(z.string()) })),
    eventDestinations: z.array(z.string()),
  }),
  queries: z.record(z.string(), z.looseObject({ destinations: z.array(z.string()) })).default({}),
});

interface UnknownName {
  path: PropertyKey[];
  message: string;
}

/** References to credentials and destinations that the document does not contain. */
const unknownNames = ({ destinations, credentials, pubsub, queries }: z.infer<typeof referencing>): UnknownName[] => {
  const named: [PropertyKey[], string[]][] = [
    ...Object.entries(pubsub.subscriptions).map(([name, { destinations }]): [PropertyKey[], string[]] => [
      ['pubsub', 'subscriptions', name, 'destinations'],
      destinations,
    ]),
    [['pubsub', 'eventDestinations'], pubsub.eventDestinations],
    ...Object.entries(queries).map(([name, { destinations }]): [PropertyKey[], string[]] => [
      ['queries', name, 'destinations'],
      destinations,
    ]),
  ];
  return [
    ...Object.entries(destinations)
      .flatMap(([name, { credentials }]) => [credentials].flat().map((used) => ({ name, used })))
      .filter(({ used }) => !Object.hasOwn(credentials, used))
      .map(({ name, used }) => ({
        path: ['destinations', name, 'credentials'],
        message: `no credentials are named "${used}"`,
      })),
    ...named.flatMap(([path, names]) =>
      names
        .filter((name) => !Object.hasOwn(destinations, name))
        .map((name) => ({ path, message: `no destination is named "${name}"` })),
    ),
  ];
};

/** The configuration document, with its defaults. */
export const document = z
  .strictObject({
    audiences: z.array(z.string().min(1)).min(1, 'needs at least one audience'),
    identity: z.enum(['id-token', 'iap', 'cloud-run-iam']).default('id-token'),
    operators: z.array(principal).default([]),
    destinations: named(
      destination,
      /^[A-Za-z0-9][\w.-]{0,63}$/,
      'is not a valid destination name (up to 64 letters, digits, ".", "_" and "-", beginning with a letter or digit)',
    ).refine((all) => Object.keys(all).length > 0, 'needs at least one destination'),
    credentials: z.record(z.string(), credential),
    ledger: ledger.default('memory'),
    pubsub: pubsub.prefault({}),
    queries,
    receiptTopic: topic.nullable().default(null),
    userProject: z
      .string()
      .regex(/^(?:[a-z][a-z0-9.:-]{4,61}[a-z0-9]|\d{6,20})$/, 'is not a project id')
      .nullable()
      .default(null),
    limits: limits.prefault({}),
  })
  .superRefine(
    ({ audiences, identity }, context) => {
      for (const [index, audience] of audiences.entries()) {
        const message = audience === '' ? undefined : faultOfAudience(audience, identity);
        if (message !== undefined) context.addIssue({ code: 'custom', path: ['audiences', index], message });
      }
    },
    { when: ({ value }) => z.looseObject({ audiences: z.array(z.string()) }).safeParse(value, PARSED_ONCE).success },
  )
  .superRefine(
    (config, context) => {
      for (const fault of unknownNames(config)) context.addIssue({ code: 'custom', ...fault });
    },
    { when: ({ value }) => referencing.safeParse(value, PARSED_ONCE).success },
  );
