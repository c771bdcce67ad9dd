// Installs what the benchmark takes, or says in words why that cannot be had: asked by the test, before it runs or is skipped.
import { main } from "../../local/steps";
import { provideTools, provideVenv } from "./prepare";

main(async () => {
  await provideTools(() => undefined);
  await provideVenv();
});
