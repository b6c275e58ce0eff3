// The Cloud Run service. Node keeps the compiled form of what it loads in a folder beside, which warm.js fills.
import module from 'node:module';
import { join } from 'node:path';

module.enableCompileCache({ directory: join(import.meta.dirname, '.compile-cache'), portable: true });
await import('./lib/service.js');
