import { createApi, createSync, memoryStorage } from "@presszero/sdk";

const { PRESSZERO_URL: baseUrl = "http://localhost:4000", WIDGET_KEY: widgetKey = "" } = process.env;
const storage = memoryStorage(); // in a browser: await openStorage(widgetKey)
const publicApi = createApi({ baseUrl });

const { consent } = await publicApi("GET /v1/widgets/:widgetKey", { params: { widgetKey } });
const { token } = await publicApi("POST /v1/widgets/:widgetKey/guests", {
  params: { widgetKey },
  body: { deviceId: storage.deviceId, consent: { version: consent.version, locale: "en" } },
});

const sync = createSync({ api: createApi({ baseUrl, token }), baseUrl, side: "contact", client: "example/1", storage });
let release: (() => void) | undefined; // ends what `open` began
let printed = 0;
sync.subscribe(() => {
  const { started, conversations } = sync.getState();
  if (started === null) return;
  release ??= sync.open(started);
  for (const event of conversations[started]?.events.slice(printed) ?? []) {
    printed = event.seq;
    console.log(event.seq, event.kind, event.kind === "message.created" ? event.data.text : "");
  }
});
sync.start();
sync.send(null, { kind: "text", text: "Hello, is anybody there?" });
