import { expect, test } from "../fixtures.ts";
import { expectNothingSideways, openConversation, openWidget, reply, say, signIn } from "../people.ts";

const phone = { width: 390, height: 844 };
const desk = { width: 1440, height: 900 };

test("the dashboard in Arabic runs from right to left, on a phone too", async ({ agent }) => {
  await signIn(agent);
  await agent.getByRole("button", { name: "Menu of Amara Okafor" }).click();
  await agent.getByRole("menuitemradio", { name: "العربية" }).click();
  await expect(agent.locator("html")).toHaveAttribute("dir", "rtl");
  await expect(agent.locator("html")).toHaveAttribute("lang", "ar");
  for (const size of [desk, phone]) {
    await agent.setViewportSize(size);
    for (const path of ["/inbox/open", "/inbox/closed", "/team", "/settings/company", "/settings/parked-events"]) {
      await agent.goto(path);
      await expect(agent.getByRole("heading", { level: 1 })).toBeVisible();
      await expect(agent.locator("html")).toHaveAttribute("dir", "rtl");
      await expectNothingSideways(agent);
    }
  }
  await agent.goto("/inbox/open");
  await agent.getByText("Hello. I need to reserve a flight.").click();
  await expect(agent.getByRole("textbox")).toBeVisible();
  await expectNothingSideways(agent);
});

test("long names and long messages stay inside", async ({ customer, agent }) => {
  const name = "Wolfeschlegelsteinhausenbergerdorff".repeat(3);
  const long = `${"x".repeat(5_000)} ${"word ".repeat(980)}👩‍👩‍👧‍👦 <b>`;
  await customer.setViewportSize(phone);
  await customer.goto("/demo/");
  const chat = await openWidget(customer);
  await chat.getByRole("textbox", { name: /^Your name/ }).fill(name);
  await expectNothingSideways(chat);
  await chat.getByRole("button", { name: "Agree and start chat" }).click();
  await say(chat, long);
  await expect(chat.getByText("Sent", { exact: true })).toBeVisible();
  await say(chat, "أهلا https://example.com/a-long-address-without-any-space-in-it-at-all-that-goes-on-and-on");
  await expectNothingSideways(chat);
  await expectNothingSideways(customer);

  await signIn(agent);
  await openConversation(agent, "أهلا");
  await reply(agent, long);
  await expect(chat.getByText(/^x{100}/)).toHaveCount(2);
  await expectNothingSideways(chat);
  for (const size of [desk, { width: 1000, height: 760 }, phone]) {
    await agent.setViewportSize(size);
    await expect(agent.getByRole("textbox", { name: "Reply to the customer" })).toBeVisible();
    await expectNothingSideways(agent);
  }
  await agent.getByRole("button", { name: "Show or hide details" }).click();
  await expect(agent.getByRole("dialog", { name: "Details" })).toBeVisible();
  await expectNothingSideways(agent);
});

test("text at twice its size keeps everything within reach", async ({ customer, agent }) => {
  const twice = () => {
    document.documentElement.style.fontSize = "200%";
  };
  await customer.goto("/demo/");
  const chat = await openWidget(customer);
  await chat.evaluate(twice);
  await chat.getByRole("button", { name: "Agree and start chat" }).click();
  await say(chat, "I read with large letters");
  await expect(chat.getByText("Sent", { exact: true })).toBeVisible();
  await expectNothingSideways(chat);

  await signIn(agent);
  await agent.evaluate(twice);
  await openConversation(agent, "I read with large letters");
  await reply(agent, "So do I");
  await expect(chat.getByText("So do I", { exact: true })).toBeVisible();
  const box = await agent.getByRole("textbox", { name: "Reply to the customer" }).boundingBox();
  expect(box!.width).toBeGreaterThan(400);
  await expectNothingSideways(agent);
});
