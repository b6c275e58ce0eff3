/**
 * The source files that are mutated: those in which a wrong line grants access, or loses, duplicates or overwrites a
 * file.
 */
export const MUTATED = [
  'src/deliver.ts',
  'src/delivery/{,checks/,store/,store/rows/}*.ts',
  'src/drive/upload/*.ts',
  'src/identity/*.ts',
  'src/ledger/*.ts',
  'src/http/request/multipart-body.ts',
  'src/upload-sessions/*.ts',
];

/** The test files that may detect a mutant. */
export const TESTS = ['test/{unit,contract,http,exports,e2e,hostile}/**/*.test.ts'];

/** Those that are slow for what they reach, need other programs, or test other things. */
export const WITHOUT = [
  'test/e2e/{client,demo,doctor,examples,telemetry}/**',
  'test/hostile/{function-bodies,overload}.test.ts',
  'test/unit/{client,doctor}/**',
];
