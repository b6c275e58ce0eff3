'use strict';
// The function, as functions-framework loads it. The extension .cjs gives the module type, so the framework does not have to search for it.
require('./load.js').load('function.js');
