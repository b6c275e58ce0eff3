/** Forms of real secrets, each at the length that a real one has, so that made-up short ones in tests are none. */
const SECRETS: Readonly<Record<string, RegExp>> = {
  'a private key': /-----BEGIN [A-Z ]*PRIVATE KEY-----(\\n|\s)*[A-Za-z0-9+/]{60}/,
  'a Google access token': /\bya29\.[\w.-]{60}/,
  'a Google refresh token': /\b1\/\/0[\w-]{24}/,
  'a Google API key': /\bAIza[\w-]{35}/,
  'a Google OAuth client secret': /\bGOCSPX-[\w-]{24}/,
  'a GitHub token': /\b(gh[pousr]_[A-Za-z0-9]{36}|github_pat_\w{60})/,
  'an npm token': /\bnpm_[A-Za-z0-9]{36}/,
  'an AWS access key': /\b(AKIA|ASIA)[A-Z0-9]{16}\b/,
  'a Slack token': /\bxox[abprs]-[\w-]{20}/,
  'a signed JWT': /\beyJ[\w-]{15,}\.eyJ[\w-]{15,}\.[\w-]{40}/,
  'a session URI': /[?&]upload_id=[\w-]{60}/,
};

/** Files that hold what looks like a secret, and why it is none. */
const HOLDS_NONE: Readonly<Record<string, string>> = {
  'local/google/world/names.ts': 'the AWS access key of the local Google, made up for it',
  'test/unit/log.test.ts': 'made-up secrets of every form, to be kept out of the log',
};

/** Folders of one machine or one person. */
const MACHINE_PATH = /(?<![\w.~$}/-])(\/home\/\w[\w.-]+|\/Users\/\w[\w.-]*|\/root|[A-Z]:\\Users\\\w+)(?=[/\\])/;

/** A file of the repository. */
export interface Text {
  path: string;
  text: string;
}

const lineAt = (text: string, index: number): number => text.slice(0, index).split('\n').length;

/** Names the file, the line and the form, and never what was found. */
export const secretFaults = (texts: readonly Text[], holdsNone = HOLDS_NONE): string[] => {
  const found = texts.flatMap(({ path, text }) =>
    Object.entries(SECRETS).flatMap(([form, pattern]) => {
      const index = pattern.exec(text)?.index;
      return index === undefined ? [] : [{ path, fault: `${path}:${lineAt(text, index)} has what looks like ${form}` }];
    }),
  );
  const stale = Object.keys(holdsNone).filter((path) => !found.some((one) => one.path === path));
  return [
    ...found.filter(({ path }) => !Object.hasOwn(holdsNone, path)).map(({ fault }) => fault),
    ...stale.map((path) => `${path} is on the list of files that only seem to hold secrets, and does not seem to`),
  ];
};

/** @param own where this checkout lies, which is of no use to anybody else */
export const machinePathFaults = (texts: readonly Text[], own: string): string[] =>
  texts.flatMap(({ path, text }) => {
    // A folder directly below the root may be a word of its own: `/app`, `/work`.
    const at = own.split('/').length > 2 ? text.indexOf(own) : -1;
    const index = at === -1 ? MACHINE_PATH.exec(text)?.index : at;
    return index === undefined ? [] : [`${path}:${lineAt(text, index)} names a folder of one machine`];
  });
