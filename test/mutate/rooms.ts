/** Source files that are mutated: those where a wrong line lets somebody in, or loses, doubles or overwrites a file. */
export const MUTATED = [
  'src/deliver.ts',
  'src/direct/*.ts',
  'src/drive/{budget,bytes,multipart,resumable,session,target,upload,verify,window}.ts',
  'src/identity/*.ts',
  'src/ledger/*.ts',
  'src/source/multipart-body.ts',
  'src/steps/*.ts',
];

/** Test files that may find a mutant out. */
export const TESTS = ['test/{unit,contract,entry,entry-exports,e2e,hostile}/**/*.test.ts'];

/** Those that take long for what they reach, need programs from elsewhere, or are about other things. */
export const WITHOUT = [
  'test/e2e/{client,demo,doctor,examples,telemetry}/**',
  'test/hostile/{function-bodies,overload}.test.ts',
  'test/unit/{client,doctor}/**',
];
