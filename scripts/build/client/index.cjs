'use strict';
var fault = require('./lib/runtime.js').fault;
if (fault !== undefined) throw new Error(fault);
module.exports = require('./lib/index.js');
