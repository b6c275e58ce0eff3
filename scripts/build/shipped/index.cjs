'use strict';
// The function, as functions-framework loads it. The extension .cjs tells it the module type, so it need not search for it.
require('./load.js').load('function.js');
