import { z } from 'zod';

/** The id of a project. Older ones may begin with a domain and a colon. */
export const projectId = z.string().regex(/^[a-z][a-z0-9.:-]{4,61}[a-z0-9]$/, 'is not a project id');
