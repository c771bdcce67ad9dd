module.exports = {
  rootDir: "..",
  testEnvironment: "node",
  globalSetup: "<rootDir>/tests/installPackages.ts",
  reporters: ["default", "<rootDir>/tests/closingLine.js"],
  testTimeout: 30_000,
  testMatch: ["<rootDir>/tests/**/*.test.ts"],
  // `npm run check` has checked the types.
  transform: { "\\.ts$": ["ts-jest", { diagnostics: false }] },
};
