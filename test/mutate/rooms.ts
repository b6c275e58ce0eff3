/** Source files that are mutated: those where a wrong line lets somebody in, or loses, doubles or overwrites a file. */
export const MUTATED = [
  'src/deliver.ts',
  'src/delivery/{,store/}*.ts',
  'src/drive/upload/*.ts',
  'src/identity/*.ts',
  'src/ledger/*.ts',
  'src/http/request/multipart-body.ts',
  'src/upload-sessions/*.ts',
];

/** Test files that may find a mutant out. */
export const TESTS = ['test/{unit,contract,http,exports,e2e,hostile}/**/*.test.ts'];

/** Those that take long for what they reach, need programs from elsewhere, or are about other things. */
export const WITHOUT = [
  'test/e2e/{client,demo,doctor,examples,telemetry}/**',
  'test/hostile/{function-bodies,overload}.test.ts',
  'test/unit/{client,doctor}/**',
];
