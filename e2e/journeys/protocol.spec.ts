import { expect, expectAccessible, test } from "../fixtures.ts";
import { expectNothingSideways } from "../people.ts";

test("the protocol's page reads well by light on a desk and by dark on a phone", async ({ customer }) => {
  await customer.goto("/docs/");
  const [page] = await Promise.all([
    customer.context().waitForEvent("page"),
    customer.getByRole("link", { name: "the realtime protocol" }).click(),
  ]);
  await expect(page.getByRole("heading", { level: 1, name: "The realtime protocol" })).toBeVisible();
  for (const { colorScheme, size } of [
    { colorScheme: "light", size: { width: 1440, height: 900 } },
    { colorScheme: "dark", size: { width: 390, height: 844 } },
  ] as const) {
    await page.emulateMedia({ colorScheme });
    await page.setViewportSize(size);
    await expectNothingSideways(page);
    await expectAccessible(page);
  }
  await page.getByRole("link", { name: "SR4" }).first().click();
  await expect(page.locator("#sr4")).toBeInViewport();
  expect(page.url()).toContain("/docs/protocol#sr4");
});
