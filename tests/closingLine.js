/** Closes a run with one line of counts; a file that could not be run counts as a failed test. */
module.exports = class ClosingLine {
  onRunComplete(_contexts, results) {
    const { numPassedTests, numFailedTests, numRuntimeErrorTestSuites, numPendingTests } = results;
    const failed = numFailedTests + numRuntimeErrorTestSuites;
    const line = `${numPassedTests} passed, ${failed} failed, ${numPendingTests} skipped\n`;
    process.once("exit", () => process.stdout.write(line)); // After Jest's own summary.
  }
};
