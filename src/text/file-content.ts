/**
 * True for a text that is the content of a file where its path is expected. A secret that is set as an environment variable, and
 * not mounted as a file, is such a text: messages that name the path would print it.
 */
export const isFileContent = (path: string): boolean => /^\s*\{|[\r\n]|-----BEGIN/.test(path);
