'use strict';
// Written for very old runtimes: it must say what is wrong where nothing else can run.
var OLDEST_NODE = 20;
var node = process.versions.node || '0';

/** One sentence if this runtime cannot run the client. */
exports.fault =
  Number(node.split('.')[0]) < OLDEST_NODE
    ? 'drive-courier requires Node.js ' +
      OLDEST_NODE +
      ' or newer (or a current Bun or Deno), and this is Node.js ' +
      node +
      '.'
    : undefined;
