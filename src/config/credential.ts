import { z } from 'zod';
import { email } from './principal.ts';

export const DRIVE_SCOPE = 'https://www.googleapis.com/auth/drive';

const secretName = z
  .string()
  .regex(
    /^projects\/[^/\s]+\/(locations\/[^/\s]+\/)?secrets\/[\w-]+(\/versions\/[\w-]+)?$/,
    "not a secret's name (projects/PROJECT/secrets/NAME/versions/VERSION)",
  )
  .transform((name) => (name.includes('/versions/') ? name : `${name}/versions/latest`));

/** By what right the courier writes: one of four ways to an identity, and what is asked for in its name. */
export const credential = z
  .strictObject({
    secret: secretName.optional(),
    file: z.string().min(1).optional(),
    impersonate: email.optional(),
    adc: z.literal(true).optional(),
    subject: email.nullable().default(null),
    scopes: z.array(z.url()).min(1).default([DRIVE_SCOPE]),
    cacheSeconds: z.int().min(0).max(86_400).default(300),
  })
  .refine(({ secret, file, impersonate, adc }) => [secret, file, impersonate, adc].filter(Boolean).length === 1, {
    message: 'needs exactly one of secret, file, impersonate, adc',
  })
  .refine(({ adc, subject }) => !(adc && subject), {
    path: ['subject'],
    message: 'cannot go with adc: use impersonate with a subject',
  });
export type CredentialConfig = z.infer<typeof credential>;
