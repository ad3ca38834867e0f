// `node scripts/run.mjs FILE …`: runs a TypeScript file of ours with Node 24, whatever Node this is.
import { become, fail, prepare } from "./toolchain.mjs";

const [file, ...args] = process.argv.slice(2);
if (!file) fail("Usage: node scripts/run.mjs FILE [arguments]");
become(await prepare(), [file, ...args]);
