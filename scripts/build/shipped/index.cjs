'use strict';
// The function, as functions-framework loads it: a name in .cjs spares it the search for what kind of module this is.
require('./load.js').load('function.js');
