import type { Page } from "@playwright/test";
import { expect, expectAccessible, test } from "../fixtures.ts";
import {
  agentLogin,
  demoKey,
  expectNothingSideways,
  openConversation,
  pressUntil,
  reply,
  say,
  signIn,
  startChat,
} from "../people.ts";

const menuOf = (page: Page, text: string) =>
  page.getByRole("article").filter({ hasText: text }).getByRole("button", { name: "More for this message" });
const panel = (page: Page) => page.getByRole("dialog", { name: "Delivery details" });

async function openTrace(page: Page, text: string): Promise<void> {
  await menuOf(page, text).click();
  await page.getByRole("menuitem", { name: "Delivery details" }).click();
  await expect(panel(page).getByRole("heading", { name: "Stored" })).toBeVisible();
}

test("an admin watches a message until the customer has read it", async ({ customer, agent }) => {
  await customer.goto(`/chat/${demoKey}`);
  await customer.getByRole("button", { name: "Agree and start chat" }).click();
  await say(customer, "Is somebody there?");
  await expect(customer.getByText("Sent", { exact: true })).toBeVisible();
  await customer.goto("about:blank");

  await signIn(agent);
  await openConversation(agent, "Is somebody there?");
  await reply(agent, "Yes, I am.");
  await agent.getByRole("article").filter({ hasText: "Yes, I am." }).getByRole("img", { name: "Sent" }).waitFor();
  await openTrace(agent, "Yes, I am.");
  const details = panel(agent);
  await expect(details.getByText(/^It is stored\. Guest \w{4} has not received it yet\.$/)).toBeVisible();
  await expect(details.getByText("Message by Amara Okafor")).toBeVisible();
  await expect(details.getByText("1 connection of the team", { exact: true })).toBeVisible();
  await expect(details.getByText("Sent once.", { exact: true })).toBeVisible();
  await expect(details.getByText("Not yet", { exact: true })).toHaveCount(2);
  await expect(details.getByText("Yes, I am.")).toHaveCount(0);
  await expectAccessible(agent);

  // The customer comes back: nobody touches the dashboard.
  await customer.goto(`/chat/${demoKey}`);
  await customer.getByText("Yes, I am.", { exact: true }).first().click();
  await expect(details.getByText(/^Guest \w{4} has read it\.$/)).toBeVisible();
  await expect(details.getByText("Not yet", { exact: true })).toHaveCount(0);
  await expect(details.getByText(/^Device \u2066…[0-9a-f]{4}/)).toHaveCount(2);
  const moment = details.getByRole("time").first();
  await expect(moment).toHaveAttribute("title", /\d{4}.*\d{2}:\d{2}\.\d{3}/);

  await details.getByRole("button", { name: "Close" }).click();
  await expect(details).toHaveCount(0);
  await openTrace(agent, "Is somebody there?");
  await expect(panel(agent).getByText("Amara Okafor has read it.")).toBeVisible();
});

test("the keyboard reaches every message's menu, and comes back to it", async ({ customer, agent }) => {
  const chat = await startChat(customer, "First of two");
  await say(chat, "Second of two");
  await signIn(agent);
  await openConversation(agent, "Second of two");
  await expect(menuOf(agent, "Second of two")).toHaveAttribute("tabindex", "0");
  await agent.getByRole("textbox", { name: "Reply to the customer" }).focus();
  const isOn = (text: string) => () => menuOf(agent, text).evaluate((button) => button === document.activeElement);
  await pressUntil(agent, "Shift+Tab", isOn("Second of two"));
  await agent.keyboard.press("ArrowUp");
  expect(await isOn("First of two")()).toBe(true);
  await agent.keyboard.press("ArrowDown");
  expect(await isOn("Second of two")()).toBe(true);
  await agent.keyboard.press("ArrowUp");
  await agent.keyboard.press("Enter");
  const entry = agent.getByRole("menuitem", { name: "Delivery details" });
  await expect(entry).toBeVisible();
  await pressUntil(agent, "ArrowDown", () => entry.evaluate((item) => item === document.activeElement));
  await agent.keyboard.press("Enter");
  const details = panel(agent);
  await expect(details.getByText("Number 2 of the conversation")).toBeVisible();
  for (let pressed = 0; pressed < 4; pressed++) {
    await agent.keyboard.press("Tab");
    expect(await details.evaluate((dialog) => dialog.contains(document.activeElement))).toBe(true);
  }
  await agent.keyboard.press("Escape");
  await expect(details).toHaveCount(0);
  expect(await isOn("First of two")()).toBe(true);
});

test("what cannot be loaded says so, and can be tried again", async ({ customer, agent }) => {
  await agent.emulateMedia({ colorScheme: "dark" });
  const chat = await startChat(customer, "The line is bad today");
  await expect(chat.getByText("Sent", { exact: true })).toBeVisible();
  await signIn(agent);
  await openConversation(agent, "The line is bad today");
  await agent.route("**/trace", (route) => route.abort());
  await menuOf(agent, "The line is bad today").click();
  await agent.getByRole("menuitem", { name: "Delivery details" }).click();
  await expect(panel(agent).getByRole("alert")).toContainText("The server cannot be reached right now.");
  await agent.unroute("**/trace");
  await panel(agent).getByRole("button", { name: "Try again" }).click();
  await expect(panel(agent).getByRole("heading", { name: "Stored" })).toBeVisible();
  await expectAccessible(agent);
  await agent.route("**/trace", (route) => route.abort());
  await expect(panel(agent).getByRole("status")).toContainText("The server cannot be reached right now.");
  await expect(panel(agent).getByRole("heading", { name: "Stored" })).toBeVisible();
});

test("an agent who does not look after events copies the text, and sees no more", async ({ customer, agent }) => {
  await agent.context().grantPermissions(["clipboard-read", "clipboard-write"]);
  const chat = await startChat(customer, "Copy me, please");
  await expect(chat.getByText("Sent", { exact: true })).toBeVisible();
  await signIn(agent, agentLogin);
  await openConversation(agent, "Copy me, please");
  await menuOf(agent, "Copy me, please").click();
  await expect(agent.getByRole("menuitem")).toHaveText(["Copy text"]);
  await agent.getByRole("menuitem", { name: "Copy text" }).click();
  await expect.poll(() => agent.evaluate(() => navigator.clipboard.readText())).toBe("Copy me, please");
});

test("in Arabic, on a phone, and with large letters it stays inside", async ({ customer, agent }) => {
  const chat = await startChat(customer, "From right to left?");
  await expect(chat.getByText("Sent", { exact: true })).toBeVisible();
  await signIn(agent);
  await agent.getByRole("button", { name: "Menu of Amara Okafor" }).click();
  await agent.getByRole("menuitemradio", { name: "العربية" }).click();
  await agent.keyboard.press("Escape");
  await agent.getByText("From right to left?").first().click();
  const article = agent.getByRole("article").filter({ hasText: "From right to left?" });
  await article.getByRole("button", { name: "المزيد لهذه الرسالة" }).click();
  await agent.getByRole("menuitem", { name: "تفاصيل التسليم" }).click();
  await expect(agent.getByRole("dialog", { name: "تفاصيل التسليم" }).getByText("قرأها Amara Okafor.")).toBeVisible();
  await expectNothingSideways(agent);
  await agent.setViewportSize({ width: 390, height: 844 });
  await expectNothingSideways(agent);
  await agent.evaluate(() => {
    document.documentElement.style.fontSize = "200%";
  });
  await expectNothingSideways(agent);
});
