import type { BrowserContext, Frame, Page } from "@playwright/test";
import { expect, test } from "../fixtures.ts";
import { openConversation, reply, say, signIn, startChat } from "../people.ts";

/** How many realtime connections a page has open. */
function countSockets(page: Page): () => number {
  let open = 0;
  page.on("websocket", (socket) => {
    if (!socket.url().includes("/v1/realtime")) return;
    open++;
    socket.on("close", () => open--);
  });
  return () => open;
}

/** The messages of a thread with this text: of the customer's, or of an agent's. */
const inChat = (chat: Frame, text: string) => chat.getByText(text, { exact: true });
const inThread = (page: Page, text: string) => page.getByRole("log").getByText(text, { exact: true });

async function openTab(context: BrowserContext, url: string) {
  const page = await context.newPage();
  const sockets = countSockets(page);
  await page.goto(url);
  await expect(page.getByRole("textbox", { name: "Reply to the customer" })).toBeVisible();
  return { page, sockets };
}

test("CR9: an agent's tabs share one connection, and the death of one is not noticed in the others", async ({
  customer,
  agent,
}) => {
  const chat = await startChat(customer, "A question for many tabs");
  await signIn(agent);
  await openConversation(agent, "A question for many tabs");
  const url = agent.url();
  const context = agent.context();
  await agent.close();

  const leader = await openTab(context, url);
  const tabs = [leader, await openTab(context, url), await openTab(context, url)];
  await expect.poll(() => tabs.map((tab) => tab.sockets())).toEqual([1, 0, 0]);
  for (const [index, { page }] of tabs.entries()) {
    await reply(page, `Answer of tab ${index}`);
    await expect(inChat(chat, `Answer of tab ${index}`)).toHaveCount(1);
  }
  for (const { page } of tabs) {
    for (const index of tabs.keys()) await expect(inThread(page, `Answer of tab ${index}`)).toHaveCount(1);
  }

  // Closed by the person.
  await leader.page.close();
  await reply(tabs[2]!.page, "Right after the end of a tab");
  await expect(inChat(chat, "Right after the end of a tab")).toHaveCount(1);
  await expect.poll(() => tabs[1]!.sockets() + tabs[2]!.sockets()).toBe(1);

  // Crashed, as when the memory is full.
  const [crashing, last] = tabs[1]!.sockets() === 1 ? [tabs[1]!, tabs[2]!] : [tabs[2]!, tabs[1]!];
  const session = await context.newCDPSession(crashing.page);
  session.send("Page.crash").catch(() => {});
  await expect.poll(() => last.sockets()).toBe(1);
  await say(chat, "Are you still there?");
  await expect(last.page.getByText("Are you still there?").first()).toBeVisible();
  await reply(last.page, "Of course");
  await expect(inChat(chat, "Of course")).toHaveCount(1);
});

test("CR9: a frozen tab loses the connection to another one, and follows when it wakes up", async ({
  customer,
  agent,
}) => {
  const chat = await startChat(customer, "A question for a frozen tab");
  await signIn(agent);
  await openConversation(agent, "A question for a frozen tab");
  const url = agent.url();
  const context = agent.context();
  await agent.close();
  const leader = await openTab(context, url);
  await expect.poll(() => leader.sockets()).toBe(1);
  const other = await openTab(context, url);

  // A page whose script stands still, as under a debugger.
  const session = await context.newCDPSession(leader.page);
  await session.send("Debugger.enable");
  const pausing = session.send("Debugger.pause");
  await say(chat, "Do you hear me?");
  await expect.poll(() => other.sockets()).toBe(1);
  await expect(other.page.getByText("Do you hear me?").first()).toBeVisible();
  await reply(other.page, "Loud and clear");
  await expect(inChat(chat, "Loud and clear")).toHaveCount(1);

  await pausing;
  await session.send("Debugger.resume");
  await session.send("Debugger.disable");
  await expect(inThread(leader.page, "Loud and clear")).toHaveCount(1);
  await reply(leader.page, "Awake again");
  await expect(inChat(chat, "Awake again")).toHaveCount(1);
  await expect(inThread(other.page, "Awake again")).toHaveCount(1);
  await expect.poll(() => [leader.sockets(), other.sockets()]).toEqual([0, 1]);
});
