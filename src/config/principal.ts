import { z } from 'zod';

export const email = z
  .string()
  .regex(/^[^\s@*:/?#\\]+@[^\s@*:/?#\\]+\.[^\s@*.:/?#\\]+$/, 'not an email address')
  .toLowerCase();

const DOMAIN = String.raw`[a-z0-9-]+(\.[a-z0-9-]+)+`;
export const domain = z.string().regex(new RegExp(`^${DOMAIN}$`, 'i'), 'not a domain');

const everybodyOf = new RegExp(`^domain:${DOMAIN}$`, 'i');
const subject = /^sub:\d+$/;

/** Who may call: an email, `domain:NAME` or `sub:NUMBER`. */
export const principal = z
  .string()
  .refine(
    (text) => everybodyOf.test(text) || subject.test(text) || email.safeParse(text).success,
    'not an email address, "domain:NAME" or "sub:NUMBER"',
  )
  .transform((text) => text.toLowerCase());
