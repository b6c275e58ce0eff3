'use strict';
// The Cloud Run service.
require('./load.js').load('service.js');
