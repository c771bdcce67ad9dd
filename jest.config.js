const common = {
  rootDir: __dirname,
  testEnvironment: "node",
  // `npm run check` has checked the types.
  transform: { "\\.ts$": ["ts-jest", { diagnostics: false }] },
};

/** unit needs no root, Docker or cluster; host needs root on Debian; e2e and extended need Docker. */
module.exports = {
  reporters: ["default", "<rootDir>/tests/closingLine.js"],
  testTimeout: 30_000,
  projects: [
    { ...common, displayName: "unit", testMatch: ["<rootDir>/tests/*.test.ts"] },
    {
      ...common,
      displayName: "host",
      testMatch: ["<rootDir>/tests/host/*.test.ts"],
      globalSetup: "<rootDir>/tests/host/setup.ts",
    },
    {
      ...common,
      displayName: "e2e",
      testMatch: ["<rootDir>/tests/e2e/*.test.ts"],
    },
    {
      ...common,
      displayName: "extended",
      testMatch: ["<rootDir>/tests/e2e/extended/*.test.ts"],
      globalSetup: "<rootDir>/tests/e2e/extended/setup.ts",
      globalTeardown: "<rootDir>/tests/e2e/extended/teardown.ts",
    },
  ],
};
