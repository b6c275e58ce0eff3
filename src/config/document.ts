import { z } from 'zod';
import { faultOfAudience } from './audience.ts';
import { credential } from './credential.ts';
import { destination } from './destination.ts';
import { faultWords } from './faults.ts';
import { ledger } from './ledger.ts';
import { named } from './named.ts';
import { principal } from './principal.ts';
import { pubsub } from './pubsub.ts';

/** For zod: to compile a parser takes longer than to parse a configuration once (docs/decisions/cold-start.md). */
export const ONCE = { jitless: true, error: faultWords };

const limits = z.strictObject({
  bufferBytes: z.int().min(262_144).nullable().default(null),
  concurrentUploads: z.int().positive().max(10_000).default(80),
  requestSeconds: z.int().positive().max(3600).default(3600),
});

/** As much of a document as its references need: they are followed whatever faults it has elsewhere. */
const followable = z.looseObject({
  destinations: z.record(z.string(), z.looseObject({ credentials: z.string() })),
  credentials: z.record(z.string(), z.unknown()),
  pubsub: z.looseObject({
    subscriptions: z.record(z.string(), z.looseObject({ destinations: z.array(z.string()) })),
    eventDestinations: z.array(z.string()),
  }),
});

interface DeadReference {
  path: PropertyKey[];
  message: string;
}

/** Names of credentials and destinations that the document itself does not have. */
const deadReferences = ({ destinations, credentials, pubsub }: z.infer<typeof followable>): DeadReference[] => {
  const named: [PropertyKey[], string[]][] = [
    ...Object.entries(pubsub.subscriptions).map(([name, { destinations }]): [PropertyKey[], string[]] => [
      ['pubsub', 'subscriptions', name, 'destinations'],
      destinations,
    ]),
    [['pubsub', 'eventDestinations'], pubsub.eventDestinations],
  ];
  return [
    ...Object.entries(destinations)
      .filter(([, { credentials: name }]) => !Object.hasOwn(credentials, name))
      .map(([name, { credentials }]) => ({
        path: ['destinations', name, 'credentials'],
        message: `no credentials named "${credentials}"`,
      })),
    ...named.flatMap(([path, names]) =>
      names
        .filter((name) => !Object.hasOwn(destinations, name))
        .map((name) => ({ path, message: `no destination named "${name}"` })),
    ),
  ];
};

/** The configuration as an operator writes it; what is left out gets the contract's defaults. */
export const document = z
  .strictObject({
    audiences: z.array(z.string().min(1)).min(1, 'needs at least one audience'),
    identity: z.enum(['id-token', 'iap', 'cloud-run-iam']).default('id-token'),
    operators: z.array(principal).default([]),
    destinations: named(
      destination,
      /^[A-Za-z0-9][\w.-]{0,63}$/,
      'not a destination name (a letter or digit, then up to 63 of these and of ".", "_", "-")',
    ).refine((all) => Object.keys(all).length > 0, 'needs at least one destination'),
    credentials: z.record(z.string(), credential),
    ledger: ledger.default('memory'),
    pubsub: pubsub.prefault({}),
    userProject: z
      .string()
      .regex(/^(?:[a-z][a-z0-9.:-]{4,61}[a-z0-9]|\d{6,20})$/, 'not a project id')
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
    { when: ({ value }) => z.looseObject({ audiences: z.array(z.string()) }).safeParse(value, ONCE).success },
  )
  .superRefine(
    (config, context) => {
      for (const fault of deadReferences(config)) context.addIssue({ code: 'custom', ...fault });
    },
    { when: ({ value }) => followable.safeParse(value, ONCE).success },
  );
