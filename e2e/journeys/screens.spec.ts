import { expect, expectAccessible, test } from "../fixtures.ts";
import { demoKey, openConversation, openWidget, reply, signIn, startChat } from "../people.ts";

for (const colorScheme of ["light", "dark"] as const) {
  test(`every screen is accessible (${colorScheme})`, async ({ customer, agent }) => {
    await customer.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    await agent.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    for (const path of ["/demo/", "/demo/product.html", "/demo/delivery.html", `/chat/${demoKey}`]) {
      await customer.goto(path);
      await expect(customer.getByRole("heading").first()).toBeVisible();
      await expectAccessible(customer);
    }
    await customer.goto("/demo/");
    const consent = await openWidget(customer);
    await expect(consent.getByRole("button", { name: "Agree and start chat" })).toBeVisible();
    await expectAccessible(customer);
    const chat = await startChat(customer, `Accessible in ${colorScheme}?`);
    await expect(chat.getByText("Sent", { exact: true })).toBeVisible();
    await expectAccessible(customer);

    await agent.goto("/sign-in");
    await expect(agent.getByRole("button", { name: "Sign in" })).toBeVisible();
    await expectAccessible(agent);
    await signIn(agent);
    await openConversation(agent, `Accessible in ${colorScheme}?`);
    await reply(agent, "It should be.");
    await expect(chat.getByText("It should be.", { exact: true })).toBeVisible();
    await expectAccessible(agent);
    await expectAccessible(customer);
    for (const path of ["/team", "/settings/company", "/settings/widget", "/settings/api-keys", "/settings/sessions"]) {
      await agent.goto(path);
      await expect(agent.getByRole("heading").first()).toBeVisible();
      await expectAccessible(agent);
    }
  });
}

test("Arabic runs from right to left, on a phone too, without sideways scrolling", async ({ customer }) => {
  await customer.setViewportSize({ width: 390, height: 844 });
  for (const path of [`/chat/${demoKey}?lang=ar`, "/demo/"]) {
    await customer.goto(path);
    const overflow = await customer.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    expect(overflow, path).toBeLessThanOrEqual(0);
  }
  await customer.goto(`/chat/${demoKey}?lang=ar`);
  await expect(customer.locator("html")).toHaveAttribute("dir", "rtl");
});
