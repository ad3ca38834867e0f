export type { Clock } from "./clock.ts";
export {
  initialEngine,
  step,
  type Answer,
  type Around,
  type Call,
  type CallProblem,
  type Effect,
  type Engine,
  type Input,
  type ListQuery,
  type Request,
  type TimerName,
} from "./engine.ts";
export { ApiError, createApi, type ApiClient, type ApiInput, type ApiOptions, type ApiOutput } from "./http.ts";
export { newUuid } from "./ids.ts";
export {
  hasOlder,
  isOtherSideOnline,
  listConversations,
  thread,
  typingAuthors,
  unreadTotals,
  viewers,
  type ListFilter,
} from "./selectors.ts";
export { initialState, reduce, type Action } from "./state.ts";
export { deleteStorage, memoryStorage, openStorage, type DeviceStorage, type TabGroup } from "./storage.ts";
export { applyEvent } from "./summary.ts";
export { createSync, type Sync, type SyncOptions } from "./sync.ts";
export type {
  ConnectionStatus,
  ConversationRecord,
  MessageStatus,
  NotSentReason,
  OutboxItem,
  Side,
  State,
  StopReason,
  Summary,
  ThreadItem,
} from "./types.ts";
