import { type Command, refuse } from './call.ts';

const isPerson = (account: string): boolean => !account.endsWith('.gserviceaccount.com');

export const PROJECT: Command[] = [
  [/^auth list$/, ({ state, print }) => print(state.account)],
  [
    /^auth print-identity-token$/,
    ({ state, flags, print }) => {
      const impersonates = flags['impersonate-service-account'] !== undefined;
      if (flags.audiences !== undefined && isPerson(state.account) && !impersonates)
        refuse('Invalid account type for `--audiences`. Requires valid service account.');
      print('TOKEN');
    },
  ],
  [/^config get-value (\S+)$/, ({ print }) => print('')],
  [
    /^projects describe (\S+)$/,
    ({ state, print }, [, id = '']) =>
      id === 'no-such-project' ? refuse('PERMISSION_DENIED: The caller does not have permission') : print(state.number),
  ],
  [/^services list$/, ({ state, print }) => print(state.apis.join('\n'))],
  [
    /^services enable (.+)$/,
    ({ state, change }, [, apis = '']) => change(() => void state.apis.push(...apis.split(' '))),
  ],
  [
    /^secrets describe (\S+)$/,
    ({ describe }, [, name = '']) => describe('secrets', name, `NOT_FOUND: Secret [${name}] not found.`),
  ],
  [/^secrets create (\S+)$/, ({ create }, [, name = '']) => create('secrets', name)],
  [/^secrets delete (\S+)$/, ({ remove }, [, name = '']) => remove('secrets', name)],
  [
    /^secrets versions list (\S+)$/,
    ({ things, print }, [, name = '']) => print(things('secrets')[name]?.version === undefined ? '' : '1'),
  ],
  [
    /^secrets versions add (\S+)$/,
    ({ things, need, input, change }, [, name = '']) => {
      need('secrets', name);
      if (!input.includes('THE-PRIVATE-KEY')) refuse('INVALID_ARGUMENT: the data is empty.');
      change(() => {
        things('secrets')[name] = { ...things('secrets')[name], version: '1' };
      });
    },
  ],
  [
    /^firestore databases describe$/,
    ({ flags, describe }) =>
      describe(
        'databases',
        flags.database ?? '',
        `NOT_FOUND: Project '${flags.project}' or database '${flags.database}' does not exist.`,
      ),
  ],
  [
    /^firestore databases create$/,
    ({ flags, create }) => create('databases', flags.database ?? '', { type: 'FIRESTORE_NATIVE' }),
  ],
  [
    /^firestore fields ttls list$/,
    ({ flags, things, print }) => print(things('ttls')[flags['collection-group'] ?? ''] === undefined ? '' : 'ACTIVE'),
  ],
  [
    /^firestore fields ttls update expireAt$/,
    ({ flags, need, create }) => {
      need('databases', flags.database);
      create('ttls', flags['collection-group'] ?? '');
    },
  ],
];
