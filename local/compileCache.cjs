// Pulumi.yaml has Node.js load this before the program: the SDK's many modules are compiled once, and not at every preview.
const { join } = require("node:path");
require("node:module").enableCompileCache?.(join(__dirname, "..", "node_modules", ".cache", "node"));
