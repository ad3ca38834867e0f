export { mountChat, type ChatOptions } from "./mount.tsx";
