import { z } from 'zod';
import { isOneProjects, isServiceAccountDomain } from './service-account.ts';

export const email = z
  .string()
  .regex(/^[^\s@*:/?#\\]+@[^\s@*:/?#\\]+\.[^\s@*.:/?#\\]+$/, 'not an email address')
  .toLowerCase();

const DOMAIN = String.raw`[a-z0-9-]+(\.[a-z0-9-]+)+`;
export const domain = z.string().regex(new RegExp(`^${DOMAIN}$`, 'i'), 'not a domain');

const everybodyOf = new RegExp(`^domain:${DOMAIN}$`, 'i');
const subject = /^sub:\d+$/;

/** Nobody's organization: Google keeps consumer accounts there, whose tokens have no `hd`. */
const CONSUMERS: ReadonlySet<string> = new Set(['gmail.com', 'googlemail.com']);

/** Why a well-formed `domain:NAME` can never match, or would match what nobody can mean. */
const faultOfDomain = (principal: string): string | undefined => {
  if (!everybodyOf.test(principal)) return undefined;
  const domain = principal.slice('domain:'.length).toLowerCase();
  if (CONSUMERS.has(domain)) return `"${principal}" never matches: it is no organization; list the addresses instead`;
  if (isServiceAccountDomain(domain) && !isOneProjects(domain)) {
    return `"${principal}" is no single project's domain; use domain:PROJECT.iam.gserviceaccount.com, or list the service accounts`;
  }
  return undefined;
};

/** Who may call: an email, `domain:NAME` or `sub:NUMBER`. */
export const principal = z
  .string()
  .refine(
    (text) => everybodyOf.test(text) || subject.test(text) || email.safeParse(text).success,
    'not an email address, "domain:NAME" or "sub:NUMBER"',
  )
  .superRefine((text, context) => {
    const message = faultOfDomain(text);
    if (message !== undefined) context.addIssue({ code: 'custom', message });
  })
  .transform((text) => text.toLowerCase());
