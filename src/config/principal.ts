import { z } from 'zod';
import { isOneProjects, isServiceAccountDomain } from './service-account.ts';

export const email = z
  .string()
  // ASCII: an address with other letters is in no token of Google's (see identity/claims.ts).
  .regex(/^[\w.!$%&'+=^`{|}~-]+@[a-z0-9-]+(?:\.[a-z0-9-]+)+$/i, 'not an email address')
  .toLowerCase();

const DOMAIN = String.raw`[a-z0-9-]+(\.[a-z0-9-]+)+`;
export const domain = z.string().regex(new RegExp(`^${DOMAIN}$`, 'i'), 'not a domain');

const everybodyOf = new RegExp(`^domain:${DOMAIN}$`, 'i');
const subject = /^sub:\d+$/;

/** Nobody's organization: Google keeps consumer accounts there, whose tokens have no `hd`. */
const CONSUMERS: ReadonlySet<string> = new Set(['gmail.com', 'googlemail.com']);

/** What is wrong with a text that is no principal, as helpfully as can be said. */
const faultOfText = (text: string): string => {
  const [, kind, address] = /^(user|serviceAccount|group):(.*)$/i.exec(text) ?? [];
  if (kind?.toLowerCase() === 'group')
    return `"${text}": a token says nothing of groups; list people, or "domain:NAME"`;
  if (address !== undefined) return `"${text}": write the address alone, "${address}"`;
  if (/^all(?:Authenticated)?Users$/i.test(text)) return `"${text}": nobody is let in without being named`;
  if (/[\s,;]/.test(text)) return `"${text}" holds several values: list each on its own`;
  const [, domainName] = /^\*?@([a-z0-9.-]+)$/i.exec(text) ?? [];
  if (domainName !== undefined) return `"${text}": for everybody of an organization write "domain:${domainName}"`;
  return 'not an email address, "domain:NAME" or "sub:NUMBER"';
};

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
  .superRefine((text, context) => {
    const isKnown = everybodyOf.test(text) || subject.test(text) || email.safeParse(text).success;
    const message = isKnown ? faultOfDomain(text) : faultOfText(text);
    if (message !== undefined) context.addIssue({ code: 'custom', message });
  })
  .transform((text) => text.toLowerCase());
