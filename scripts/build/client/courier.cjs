#!/usr/bin/env node
'use strict';
var fault = require('./lib/runtime.js').fault;
if (fault === undefined) {
  // Commands are short: most of their time is compiling.
  var enableCompileCache = require('module').enableCompileCache;
  if (enableCompileCache !== undefined) enableCompileCache();
  require('./lib/main.js');
} else {
  console.error('courier: ' + fault);
  process.exitCode = 64;
}
