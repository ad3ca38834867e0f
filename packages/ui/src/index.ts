export * from "./contrast.ts";
export * from "./linkify.ts";
export * from "./messages.ts";
export * from "./relative-time.ts";
