import { z } from 'zod';
import { withoutTrailingSlashes } from '../text/trailing-slashes.ts';

/** What the platform and the person who starts the process say, beside the document. */
export const settings = z.object({
  PORT: z.coerce.number().int().min(0).max(65_535).default(8080),
  LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'silent']).default('info'),
  COURIER_GOOGLE_ORIGIN: z
    .url()
    .refine(
      (text) => URL.canParse(text) && ['127.0.0.1', 'localhost', '[::1]'].includes(new URL(text).hostname),
      'only a loopback address is taken here',
    )
    .transform(withoutTrailingSlashes)
    .optional(),
  /** Cloud Run sets it, and Knative anywhere: a hint, and no proof, that this is Cloud Run. */
  K_SERVICE: z.string().optional(),
  COURIER_COMMIT: z
    .string()
    .regex(/^[\w.-]{1,64}$/, 'not a commit (up to 64 letters, digits, ".", "_", "-")')
    .optional(),
  GOOGLE_CLOUD_PROJECT: z.string().optional(),
  FUNCTION_TARGET: z.string().optional(),
  GOOGLE_APPLICATION_CREDENTIALS: z.string().optional(),
  OTEL_EXPORTER_OTLP_ENDPOINT: z.url({ protocol: /^https?$/ }).optional(),
});
