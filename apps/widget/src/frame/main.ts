import { signal } from "@preact/signals";
import { mountChat } from "@presszero/widget/chat";
import { parseLoaderMessage, type FrameMessage } from "../bridge.ts";

const query = new URLSearchParams(location.search);
const origin = query.get("origin") ?? "";
const theme = query.get("theme");
if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;

const onScreen = signal(false);
let told = "";

/** Only the page that the loader named can read this. */
function say(message: FrameMessage): void {
  window.parent.postMessage(message, origin);
}

addEventListener("message", (event) => {
  if (event.origin !== origin || event.source !== window.parent) return;
  const message = parseLoaderMessage(event.data);
  if (message) onScreen.value = message.type === "shown";
});

addEventListener("keydown", (event) => {
  if (event.key === "Escape" && !event.isComposing) say({ presszero: 1, type: "close" });
});

await mountChat(document.getElementById("chat")!, {
  widgetKey: query.get("key") ?? "",
  languages: [query.get("lang") ?? "", ...navigator.languages],
  onScreen,
  onClose: () => say({ presszero: 1, type: "close" }),
  onState: (agreed, unread) => {
    const message: FrameMessage = { presszero: 1, type: "state", agreed, unread };
    if (told === JSON.stringify(message)) return;
    told = JSON.stringify(message);
    say(message);
  },
});
say({ presszero: 1, type: "ready" });
