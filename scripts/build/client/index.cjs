'use strict';
var fault = require('./runtime.cjs').fault;
if (fault !== undefined) throw new Error(fault);
module.exports = require('./lib/index.js');
