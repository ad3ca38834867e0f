import { expect, test } from "../fixtures.ts";
import { demoKey, openConversation, openWidget, reply, say, signIn, startChat } from "../people.ts";

test("a customer and an agent talk", async ({ customer, agent }) => {
  const chat = await startChat(customer, "Do you have the green teapot?");
  await expect(chat.getByText("Sent", { exact: true })).toBeVisible();
  await signIn(agent);
  await openConversation(agent, "Do you have the green teapot?");
  await expect(chat.getByText("Read", { exact: true })).toBeVisible();

  await agent.getByRole("textbox", { name: "Reply to the customer" }).pressSequentially("Let me look");
  await expect(chat.getByText("Amara Okafor is typing", { exact: true })).toBeVisible();
  await reply(agent, "Yes, two are left.");
  await expect(chat.getByText("Yes, two are left.", { exact: true })).toBeVisible();
  const thread = agent.getByRole("region", { name: "Conversation", exact: true });
  await expect(thread.getByRole("img", { name: "Read", exact: true })).toBeVisible();

  await say(chat, "I will take one 🫖");
  await expect(thread.getByText("I will take one 🫖", { exact: true })).toBeVisible();
});

test("a note is for the team alone", async ({ customer, agent }) => {
  const chat = await startChat(customer, "Where is my parcel?");
  await signIn(agent);
  await openConversation(agent, "Where is my parcel?");
  await agent.keyboard.press("n");
  const note = agent.getByRole("textbox", { name: "Internal note" });
  await expect(note).toBeFocused();
  await note.fill("Lost in York again, refund if she asks");
  await note.press("Enter");
  await expect(agent.getByText("Lost in York again, refund if she asks").first()).toBeVisible();
  await agent.keyboard.press("Escape");
  await agent.keyboard.press("r");
  await reply(agent, "It left our house yesterday.");
  await expect(chat.getByText("It left our house yesterday.", { exact: true })).toBeVisible();
  await expect(chat.getByText("Lost in York")).toHaveCount(0);
});

test("closing, undoing, and reopening by writing", async ({ customer, agent }) => {
  const chat = await startChat(customer, "Can I return a mug?");
  await signIn(agent);
  await openConversation(agent, "Can I return a mug?");
  await reply(agent, "Within 30 days, yes.");
  await agent.keyboard.press("Escape");
  await agent.keyboard.press("e");
  await expect(chat.getByText("This conversation has ended. Write to reopen it.", { exact: true })).toBeVisible();
  await agent.getByRole("button", { name: "Undo" }).click();
  await expect(chat.getByText("This conversation has ended. Write to reopen it.", { exact: true })).toHaveCount(0);
  // Closing had moved on to the next conversation.
  await openConversation(agent, "Within 30 days, yes.");
  await agent.keyboard.press("e");
  await expect(chat.getByText("This conversation has ended. Write to reopen it.", { exact: true })).toBeVisible();
  await say(chat, "And a notebook?");
  await expect(agent.getByText("And a notebook?").first()).toBeVisible();
  await expect(chat.getByText("This conversation has ended. Write to reopen it.", { exact: true })).toHaveCount(0);
});

test("the server is killed in the middle of a message, and nothing is lost or doubled", async ({
  product,
  customer,
  agent,
}) => {
  test.setTimeout(180_000);
  const chat = await startChat(customer, "Before the storm");
  await signIn(agent);
  await openConversation(agent, "Before the storm");
  await reply(agent, "All calm here.");
  await expect(chat.getByText("All calm here.", { exact: true })).toBeVisible();

  await product.kill();
  await say(chat, "Sent into the storm");
  await expect(chat.getByText("Sent into the storm", { exact: true })).toBeVisible();
  await expect(chat.getByText("Sending", { exact: true })).toBeVisible();
  await expect(chat.getByText(/We cannot be reached right now|Connecting/)).toBeVisible();
  await reply(agent, "Answered into the storm");
  await expect(agent.getByText("Answered into the storm").first()).toBeVisible();
  await product.start();

  await expect(chat.getByText("Answered into the storm", { exact: true })).toHaveCount(1, { timeout: 90_000 });
  const thread = agent.getByRole("region", { name: "Conversation", exact: true });
  await expect(thread.getByText("Sent into the storm", { exact: true })).toHaveCount(1, { timeout: 90_000 });
  await expect(chat.getByText("Sent into the storm", { exact: true })).toHaveCount(1);
  await expect(chat.getByText("Sending", { exact: true })).toHaveCount(0);
  await say(chat, "The sun is out");
  await expect(thread.getByText("The sun is out", { exact: true })).toHaveCount(1);
});

test("a message written offline is sent after the page was closed and opened again", async ({ customer, agent }) => {
  const chat = await startChat(customer, "First words");
  await expect(chat.getByText("Sent", { exact: true })).toBeVisible();
  await customer.context().setOffline(true);
  await say(chat, "Written in a tunnel");
  await expect(chat.getByText("You are offline. We will send it when you are back.", { exact: true })).toBeVisible();
  await expect(chat.getByText("Sending", { exact: true })).toBeVisible();
  await customer.context().setOffline(false);
  await customer.reload();
  const again = await openWidget(customer);
  await expect(again.getByText("Written in a tunnel", { exact: true })).toBeVisible();
  await signIn(agent);
  await openConversation(agent, "Written in a tunnel");
  await expect(
    agent.getByRole("region", { name: "Conversation", exact: true }).getByText("Written in a tunnel"),
  ).toHaveCount(1);
});

test("what is typed and not sent is there after a reload, on both sides", async ({ customer, agent }) => {
  const chat = await startChat(customer, "I will write more in a moment");
  await expect(chat.getByText("Sent", { exact: true })).toBeVisible();
  await chat.getByRole("textbox", { name: /^Message to/ }).fill("Half a thou");
  await customer.goto("/demo/delivery.html");
  const again = await openWidget(customer);
  await expect(again.getByRole("textbox", { name: /^Message to/ })).toHaveValue("Half a thou");

  await signIn(agent);
  await openConversation(agent, "I will write more in a moment");
  await agent.getByRole("textbox", { name: "Reply to the customer" }).fill("Half an answ");
  await agent.reload();
  await expect(agent.getByRole("textbox", { name: "Reply to the customer" })).toHaveValue("Half an answ");
});

test("the same conversation on a page behind a plain link", async ({ customer, agent }) => {
  await customer.goto(`/chat/${demoKey}`);
  await customer.getByRole("button", { name: "Agree and start chat" }).click();
  await say(customer, "Hello from the page");
  await signIn(agent);
  await openConversation(agent, "Hello from the page");
  await reply(agent, "Hello on the page");
  await expect(customer.getByText("Hello on the page", { exact: true })).toBeVisible();
  await customer.reload();
  await expect(customer.getByText("Hello on the page", { exact: true })).toBeVisible();
});

test("nothing is stored or asked for before consent", async ({ customer, baseURL }) => {
  const requests: string[] = [];
  customer.on("request", (request) => requests.push(new URL(request.url()).pathname));
  const sockets: string[] = [];
  customer.on("websocket", (socket) => sockets.push(socket.url()));
  await customer.goto("/demo/");
  const chat = await openWidget(customer);
  await expect(chat.getByRole("button", { name: "Agree and start chat" })).toBeVisible();
  const stored = await chat.evaluate(async () => ({
    local: localStorage.length,
    session: sessionStorage.length,
    databases: (await indexedDB.databases()).length,
    cookies: document.cookie,
  }));
  expect(stored).toEqual({ local: 0, session: 0, databases: 0, cookies: "" });
  expect(await customer.context().cookies(baseURL)).toEqual([]);
  expect(requests.filter((path) => path.startsWith("/v1/")).every((path) => path === `/v1/widgets/${demoKey}`)).toBe(
    true,
  );
  expect(sockets).toEqual([]);
});
