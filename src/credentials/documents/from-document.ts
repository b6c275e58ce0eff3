import type { CredentialConfig } from '../../config/schema/credential.ts';
import { CourierError } from '../../errors.ts';
import type { GoogleTransport } from '../../google/transport.ts';
import { type AccessToken, CLOUD_PLATFORM, type Minter } from '../access-token.ts';
import { createImpersonated } from '../impersonation/impersonate.ts';
import { createAuthorizedUser } from './authorized-user.ts';
import type { CredentialsDocument, ImpersonatedDocument } from './document.ts';
import { createFederation } from './external-account.ts';
import { createServiceAccount } from './service-account.ts';

export interface DocumentOptions {
  transport: Pick<GoogleTransport, 'send' | 'fetch'>;
  config: Pick<CredentialConfig, 'scopes' | 'subject'>;
  /** Epoch milliseconds. */
  now: () => number;
}

const tokenOf = (mint: () => Promise<AccessToken>) => async (): Promise<string> => (await mint()).value;

/** Tokens of the identity that impersonates the target of an `impersonated_service_account`. */
const sourceTokenOf = (source: ImpersonatedDocument['source'], options: DocumentOptions): (() => Promise<string>) => {
  const { transport, now } = options;
  switch (source.type) {
    case 'service_account':
      return tokenOf(createServiceAccount(source, { transport, now, scopes: [CLOUD_PLATFORM], subject: null }).mint);
    case 'authorized_user':
      return tokenOf(createAuthorizedUser(source, options).mint);
    case 'external_account': {
      const { target } = source;
      const token = tokenOf(createFederation(source, options));
      const caller = { transport, now, token, federated: true };
      return tokenOf(createImpersonated({ ...caller, target, scopes: [CLOUD_PLATFORM], subject: null }).mint);
    }
  }
};

/** The minter for a credentials document, by the document's type. @throws CourierError `key-invalid` */
export const minterOf = (document: CredentialsDocument, options: DocumentOptions): Minter => {
  const { transport, now } = options;
  const { scopes, subject } = options.config;
  switch (document.type) {
    case 'service_account':
      return createServiceAccount(document, { transport, now, scopes, subject });
    case 'authorized_user':
      if (subject !== null)
        throw new CourierError('key-invalid', {
          reason: 'subject-unsupported',
          detail: '"subject" cannot be used with a person\'s OAuth credentials (authorized_user).',
          remedy: 'Remove "subject", or store a service account\'s key.',
        });
      return createAuthorizedUser(document, options);
    case 'external_account': {
      const token = tokenOf(createFederation(document, options));
      return createImpersonated({ transport, now, token, federated: true, target: document.target, scopes, subject });
    }
    case 'impersonated_service_account': {
      const { target, delegates, source } = document;
      return createImpersonated({
        transport,
        now,
        token: sourceTokenOf(source, options),
        target,
        delegates,
        scopes,
        subject,
      });
    }
  }
};
