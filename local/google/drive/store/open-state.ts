import type { ServiceContext } from '../../google-service.ts';
import { userPermission } from '../access/principals.ts';
import { loadDiscovery } from '../discovery/discovery.ts';
import { type Account, DEFAULT_LIMITS, type DriveLimits, FOLDER } from '../model.ts';
import { createIds, permissionIdOf } from './ids.ts';
import { createQuota } from './quota.ts';
import type { DriveState } from './state.ts';
import { openStore, type Store } from './store.ts';

/** The display name of an account that was added without one. */
const displayNameOf = (email: string): string => email.slice(0, email.indexOf('@'));

const kindOf = (email: string): Account['kind'] => (email.endsWith('.gserviceaccount.com') ? 'serviceAccount' : 'user');

const newMyDrive = (store: Store, { email, rootId }: Account, now: number): void =>
  store.save({
    id: rootId,
    name: 'My Drive',
    mimeType: FOLDER,
    kind: 'myDrive',
    properties: {},
    appProperties: {},
    starredBy: [],
    trashed: false,
    createdMs: now,
    modifiedMs: now,
    arrivedMs: now,
    createdBy: email,
    modifiedBy: email,
    modifiedByMeMs: {},
    viewedByMeMs: {},
    app: 'drive',
    permissions: [userPermission(now, email, 'owner')],
    revisions: [],
    writersCanShare: true,
    copyRequiresWriterPermission: false,
    version: 1,
  });

/** @param isKnownAddress whether an address is a Google account or group, apart from those in this Drive */
export function openState(
  context: ServiceContext,
  limits: Partial<DriveLimits>,
  isKnownAddress: (email: string) => boolean,
): DriveState {
  const { now, random, dataDir } = context;
  const store = openStore(dataDir);
  const ids = createIds(random, (id) => store.isUsed(id) || store.isGenerated(id));
  const allLimits = { ...DEFAULT_LIMITS, ...limits };
  return {
    store,
    ids,
    discovery: loadDiscovery(),
    limits: allLimits,
    quota: createQuota(now, allLimits),
    mails: [],
    schemaViolations: [],
    context,
    now,
    isKnownAddress: (email) => {
      const address = email.toLowerCase();
      const isHere = store.accounts.get(address) !== undefined || store.groups.get(address) !== undefined;
      return isHere || isKnownAddress(address);
    },
    account: (address, kind) => {
      const email = address.toLowerCase();
      const known = store.accounts.get(email);
      if (known !== undefined) return known;
      const account: Account = {
        email,
        kind: kind ?? kindOf(email),
        displayName: displayNameOf(email),
        permissionId: permissionIdOf(email),
        rootId: ids.root(),
      };
      newMyDrive(store, account, now());
      store.accounts.put(email, account);
      return account;
    },
  };
}
