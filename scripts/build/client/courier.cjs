#!/usr/bin/env node
'use strict';
var fault = require('./runtime.cjs').fault;

function start() {
  // Commands are short, so most of their time is spent compiling.
  var enableCompileCache = require('node:module').enableCompileCache;
  if (enableCompileCache !== undefined) enableCompileCache();
  require('./lib/main.js');
}

if (fault === undefined) {
  start();
} else {
  console.error(`courier: ${fault}`);
  process.exitCode = 64;
}
