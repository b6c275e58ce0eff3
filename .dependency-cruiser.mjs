// The design's import directions: entries → story → rooms → errors and the domain's words; nothing points up.
const ROOMS = ['identity', 'credentials', 'source', 'drive', 'ledger', 'google'];
const WORDS =
  '^src/((errors|digest|delivery|file-name|http-grammar|media-type|media-type-by-name|config|log|redact|sleep|trailing-slashes)\\.ts$|config/)';

const room = (name) => ({
  name: `${name}-stands-alone`,
  comment: `src/${name} imports only itself, the domain's words, and the types of other rooms.`,
  severity: 'error',
  from: { path: `^src/${name}/` },
  to: { path: '^src/', pathNot: [`^src/${name}/`, WORDS], dependencyTypesNot: ['type-only'] },
});

const only = (name, from, to, comment) => ({ name, comment, severity: 'error', from, to });

export default {
  forbidden: [
    ...ROOMS.map(room),
    only('no-cycles', {}, { circular: true }, 'A cycle hides which way things point.'),
    only(
      'words-import-no-room',
      { path: WORDS },
      { path: '^src/', pathNot: WORDS },
      'The domain’s words and the errors stand at the bottom.',
    ),
    only(
      'rooms-know-no-entry',
      { path: `^src/(${ROOMS.join('|')})/` },
      { path: '^src/(entry/|steps/|courier|places|server|index|start|deliver\\.|direct)' },
      'Imports point down only, types too.',
    ),
    only(
      'story-knows-no-entry',
      { path: '^src/(deliver\\.ts$|direct/)' },
      { path: '^src/(entry/|courier|places|server|index|start)' },
      'The story does not know how work arrives.',
    ),
    only(
      'steps-know-no-story',
      { path: '^src/steps/' },
      { path: '^src/(entry/|courier|places|server|index|start|deliver\\.|direct)' },
      'A step does not know what story it is part of.',
    ),
    only(
      'entries-know-no-room',
      { path: '^src/entry/' },
      { path: `^src/(${ROOMS.filter((name) => name !== 'source').join('|')})/`, dependencyTypesNot: ['type-only'] },
      'Entries reach the rooms through the story; dependencies come in by parameter. Sources they make themselves: a delivery has one.',
    ),
    only(
      'nobody-waits-for-the-doctor',
      { path: '^src/', pathNot: '^src/(doctor/|courier\\.ts$)' },
      { path: '^src/doctor/' },
      'The doctor looks at the rooms; they know no doctor. It is loaded when it is asked.',
    ),
    only(
      'doctor-knows-no-entry',
      { path: '^src/doctor/' },
      { path: '^src/(entry/|courier|places|server|index|start|deliver\\.|direct)' },
      'The doctor is a story of its own: it uses the rooms by their types, and steps.',
    ),
    only(
      'src-is-self-contained',
      { path: '^src/' },
      { path: '^(local|test|bench)/' },
      'The product ships without its laptop Google and tests.',
    ),
    only(
      'local-is-no-test',
      { path: '^local/' },
      { path: '^(test|bench)/' },
      'The local Google is a program of its own.',
    ),
    only(
      'local-google-judges-blindly',
      { path: '^local/google/' },
      { path: '^src/' },
      'A stand-in that shares code with what it judges would share its mistakes.',
    ),
    only(
      'only-drive-names-drive',
      { path: '^src/', pathNot: '^src/drive/' },
      { path: 'node_modules/googleapis/' },
      'Only drive/ names the Drive API.',
    ),
    only(
      'only-credentials-names-secrets',
      { path: '^src/', pathNot: '^src/credentials/' },
      { path: 'node_modules/@google-cloud/secret-manager' },
      'Only credentials/ names Secret Manager.',
    ),
    only(
      'only-ledger-names-firestore',
      { path: '^src/', pathNot: '^src/ledger/' },
      { path: 'node_modules/@google-cloud/firestore' },
      'Only ledger/ names Firestore.',
    ),
    only(
      'only-identity-parses-tokens',
      { path: '^src/', pathNot: '^src/identity/' },
      { path: 'node_modules/jose' },
      'Only identity/ parses a token.',
    ),
    only('resolvable', {}, { couldNotResolve: true }, 'Every import exists.'),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      extensions: ['.ts', '.js', '.mjs', '.json'],
      exportsFields: ['exports'],
      conditionNames: ['drive-courier-source', 'node', 'import', 'require', 'default', 'types'],
    },
  },
};
