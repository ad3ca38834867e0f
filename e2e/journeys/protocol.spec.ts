import { expect, expectAccessible, test } from "../fixtures.ts";
import { expectNothingSideways } from "../people.ts";

test("the protocol's page reads well by light and dark, on a desk and on a phone", async ({ customer }) => {
  await customer.goto("/docs/");
  const [page] = await Promise.all([
    customer.context().waitForEvent("page"),
    customer.getByRole("link", { name: "the realtime protocol" }).click(),
  ]);
  await expect(page.getByRole("heading", { level: 1, name: "The realtime protocol" })).toBeVisible();
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme });
    for (const size of [
      { width: 1440, height: 900 },
      { width: 390, height: 844 },
    ]) {
      await page.setViewportSize(size);
      await expectNothingSideways(page);
      await expectAccessible(page);
    }
  }
  await page.getByRole("link", { name: "SR4" }).first().click();
  await expect(page.locator("#sr4")).toBeInViewport();
  expect(page.url()).toContain("/docs/protocol#sr4");
});
