'use strict';
// Written in the syntax of very old versions of Node, because this file must run where the client cannot.
var OLDEST_NODE = 20;
var version = process.versions.node;

/** Returns one sentence if this runtime is too old for the client, else undefined. */
exports.fault =
  Number(version.split('.')[0]) < OLDEST_NODE
    ? `drive-courier requires Node.js ${OLDEST_NODE} or newer, and this is Node.js ${version}.`
    : undefined;
