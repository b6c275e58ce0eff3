import { z } from 'zod';
import { isFileContent } from '../../text/file-content.ts';
import { parseSecretName } from '../../text/google/secret-name.ts';
import { email } from './principal.ts';

export const DRIVE_SCOPE = 'https://www.googleapis.com/auth/drive';

const secretName = z
  .string()
  .refine((name) => parseSecretName(name) !== undefined, {
    message: 'is not the name of a secret (projects/PROJECT/secrets/NAME/versions/VERSION)',
    abort: true,
  })
  .transform((name) => (parseSecretName(name)?.version === undefined ? `${name}/versions/latest` : name));

const filePath = z
  .string()
  .min(1)
  .refine((path) => !isFileContent(path), {
    message: 'is the content of a key file, not its path: mount the secret as a file, or set the name of the secret',
    abort: true,
  });

/** How the courier authenticates to Drive: one of four kinds of credentials, with its subject and scopes. */
export const credential = z
  .strictObject({
    secret: secretName.optional(),
    file: filePath.optional(),
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
    message: 'cannot be used with adc: use impersonate with a subject',
  });
export type CredentialConfig = z.infer<typeof credential>;
