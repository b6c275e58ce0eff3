import { TestEnvironment } from 'jest-environment-node';

/** Once a test has failed, the mutant is found out: the tests behind it are passed over, and only the closing work is done. */
export default class StopAtFailure extends TestEnvironment {
  #failed = false;

  handleTestEvent(event) {
    if (event.name === 'test_fn_failure' || event.name === 'hook_failure') this.#failed = true;
    if (event.name === 'test_start' && this.#failed) event.test.mode = 'skip';
  }
}
