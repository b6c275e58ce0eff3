/** Patterns of real secrets, each with the length of a real one, so that the short fake ones in tests do not match. */
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

/** Files with text that looks like a secret, and why it is not one. */
const HOLDS_NONE: Readonly<Record<string, string>> = {
  'local/google/world/names.ts': 'the AWS access key of the local Google, made up for it',
  'test/unit/log.test.ts': 'made-up secrets of every form, to be kept out of the log',
};

/** Paths of one machine or one person. */
const MACHINE_PATH = /(?<![\w.~$}/-])(\/home\/\w[\w.-]+|\/Users\/\w[\w.-]*|\/root|[A-Z]:\\Users\\\w+)(?=[/\\])/;

/** A file of the repository. */
export interface Text {
  path: string;
  text: string;
}

const lineAt = (text: string, index: number): number => text.slice(0, index).split('\n').length;

/** Reports the file, the line and the pattern, but never the secret itself. */
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

/** @param own the path of this checkout, which exists only on this machine */
export const machinePathFaults = (texts: readonly Text[], own: string): string[] =>
  texts.flatMap(({ path, text }) => {
    // A folder directly below the root may be an ordinary word, such as `/app` or `/work`.
    const at = own.split('/').length > 2 ? text.indexOf(own) : -1;
    const index = at === -1 ? MACHINE_PATH.exec(text)?.index : at;
    return index === undefined ? [] : [`${path}:${lineAt(text, index)} names a folder of one machine`];
  });
