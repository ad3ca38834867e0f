export { notificationsConsumers } from "./consumers.ts";
