export default {
  testEnvironment: 'node',
  roots: ['<rootDir>/test'],
  testMatch: ['**/*.test.ts'],
  extensionsToTreatAsEsm: ['.ts'],
  transform: { '\\.ts$': '<rootDir>/test/support/processes/strip-types.mjs' },
  // Many tests start processes; on a busy machine that takes its time, and a test that hangs is still ended.
  testTimeout: 60_000,
  maxWorkers: '100%',
  injectGlobals: false,
};
