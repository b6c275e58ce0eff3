import type { MinThroughput } from '../request/request-body.ts';
import type { DocumentMemory } from './document-memory.ts';
import type { Slots } from './slots.ts';

/** What the requests of one instance share, and how long each may take for its body. */
export interface Capacity {
  slots: Slots;
  memory: DocumentMemory;
  /** Default: what each route has for its bodies. */
  minThroughput: MinThroughput | undefined;
}
