import { mountChat } from "@presszero/widget/chat";
import "./page.css";
import { readWidgetKey } from "./widget-key.ts";

const query = new URLSearchParams(location.search);

await mountChat(document.getElementById("chat")!, {
  widgetKey: readWidgetKey(location.pathname),
  languages: [query.get("lang") ?? "", ...navigator.languages],
});
