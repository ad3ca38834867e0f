import { expect, test } from "../fixtures.ts";
import { openWidget, pressUntil } from "../people.ts";

test("a customer and an agent talk without a mouse", async ({ customer, agent }) => {
  await customer.goto("/demo/");
  await customer.waitForFunction(() => "PressZero" in window);
  // The launcher lives in a closed shadow root: from outside, the focus is on the element that holds it.
  const onLauncher = () =>
    customer.evaluate(() => document.activeElement?.parentElement === document.body && !document.activeElement.id);
  await pressUntil(customer, "Tab", onLauncher);
  await customer.keyboard.press("Enter");
  const chat = await openWidget(customer);
  const agree = chat.getByRole("button", { name: "Agree and start chat" });
  await expect(chat.getByRole("heading", { level: 1 })).toBeFocused();
  await customer.keyboard.press("Tab");
  await customer.keyboard.type("Noor");
  await customer.keyboard.press("Tab");
  await expect(agree).toBeFocused();
  await customer.keyboard.press("Enter");
  const message = chat.getByRole("textbox", { name: /^Message to/ });
  await expect(message).toBeFocused();
  await customer.keyboard.type("Only keys here");
  await customer.keyboard.press("Shift+Enter");
  await customer.keyboard.type("on two lines");
  await customer.keyboard.press("Enter");
  await expect(chat.getByText("Sent", { exact: true })).toBeVisible();

  await agent.goto("/");
  await expect(agent.getByLabel("E-mail")).toBeFocused();
  await agent.keyboard.type("amara@demo.presszero.example");
  await agent.keyboard.press("Tab");
  await agent.keyboard.type("press-zero-demo");
  await agent.keyboard.press("Enter");
  await expect(agent.getByText("Only keys here").first()).toBeVisible();
  await agent.keyboard.press("j");
  const thread = agent.getByRole("region", { name: "Conversation", exact: true });
  await expect(thread.getByRole("heading", { name: "Noor" })).toBeVisible();
  await agent.keyboard.press("a");
  await expect(agent.getByRole("option", { name: "Assign to me" })).toBeVisible();
  await agent.keyboard.press("Enter");
  await expect(thread.getByRole("button", { name: "Assigned to: You. Change" })).toBeFocused();
  await agent.keyboard.press("?");
  await expect(agent.getByRole("dialog", { name: "Keyboard" })).toBeVisible();
  await agent.keyboard.press("Escape");
  await expect(agent.getByRole("dialog")).toHaveCount(0);
  await agent.keyboard.press("r");
  await expect(agent.getByRole("textbox", { name: "Reply to the customer" })).toBeFocused();
  await agent.keyboard.type("Same here");
  await agent.keyboard.press("Enter");
  await expect(chat.getByText("Same here", { exact: true })).toBeVisible();

  await pressUntil(customer, "Shift+Tab", () =>
    chat.getByRole("button", { name: "End conversation" }).evaluate((button) => button === document.activeElement),
  );
  await customer.keyboard.press("Enter");
  await expect(chat.getByRole("button", { name: "Keep it open" })).toBeFocused();
  await customer.keyboard.press("Escape");
  await expect(chat.getByRole("button", { name: "End conversation" })).toBeFocused();

  await agent.keyboard.press("Escape");
  await agent.keyboard.press("e");
  await expect(chat.getByText("This conversation has ended. Write to reopen it.", { exact: true })).toBeVisible();
  await customer.keyboard.press("Escape");
  expect(await onLauncher()).toBe(true);
  await customer.keyboard.press("Enter");
  await expect(message).toBeFocused();
});

test("Enter that ends a composition sends nothing", async ({ customer }) => {
  await customer.goto("/chat/demoshop00000000");
  await customer.getByRole("button", { name: "Agree and start chat" }).click();
  const message = customer.getByRole("textbox", { name: /^Message to/ });
  const input = await customer.context().newCDPSession(customer);
  await message.focus();
  await input.send("Input.imeSetComposition", { text: "にほん", selectionStart: 3, selectionEnd: 3 });
  await message.dispatchEvent("keydown", { key: "Enter", isComposing: true, bubbles: true, cancelable: true });
  await input.send("Input.insertText", { text: "日本" });
  await expect(message).toHaveValue("日本");
  await customer.keyboard.press("Enter");
  await expect(customer.getByText("日本", { exact: true })).toBeVisible();
  await expect(customer.getByRole("listitem").filter({ hasText: "日本" })).toHaveCount(1);
});
