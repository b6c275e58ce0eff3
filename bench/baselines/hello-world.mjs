// Baseline "limit" of a start: functions-framework's hello world, as its README has it.
import { http } from '@google-cloud/functions-framework';

http('helloWorld', (_request, response) => {
  response.send('Hello, World');
});
